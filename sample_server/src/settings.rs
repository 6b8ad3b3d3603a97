//! Where settings come from, in one order: a flag wins over its environment variable, that over the
//! configuration file, that over the stage's, that over the default. Must not know any single setting: the flags are the
//! one list of them.

use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Flags that a file cannot set: they say what to do, not how.
const FLAGS_ONLY: [&str; 6] = [
    "stage",
    "stages",
    "config",
    "print_config",
    "help",
    "version",
];

/// The files with settings, the one that wins first.
pub(crate) struct Files(Vec<File>);

/// What stands for a password, and how one begins that is a parameter of a URL.
const HIDDEN: &str = "***";
const PARAMETER: &str = "password=";

/// A configuration file: flat TOML, whose keys are the flags' names.
pub(crate) struct File {
    path: String,
    settings: Vec<Setting>,
}

/// One line of the file that sets something.
struct Setting {
    key: String,
    /// As it would be written after the flag.
    value: String,
    line: usize,
}

impl Files {
    /// Reads files, of which the first wins, and checks each of their settings as if it were a flag.
    ///
    /// # Errors
    /// Names the file, and the line where one is at fault.
    pub(crate) fn read<'a>(
        paths: impl Iterator<Item = &'a Path>,
        command: &Command,
    ) -> Result<Files, String> {
        let read = |path: &Path| File::read(&path.to_string_lossy(), command);
        paths.map(read).collect::<Result<_, _>>().map(Files)
    }

    /// The same command, with these settings as its defaults.
    pub(crate) fn defaults(&self, command: Command) -> Command {
        command.mut_args(
            |flag| match flag.get_long().and_then(|key| self.find(key)) {
                Some((_, setting)) => flag.default_value(setting.value.clone()),
                None => flag,
            },
        )
    }

    /// What sets this, and the file it is in.
    fn find(&self, key: &str) -> Option<(&File, &Setting)> {
        self.0.iter().find_map(|file| {
            let mut settings = file.settings.iter();
            Some((file, settings.find(|setting| setting.key == key)?))
        })
    }
}

impl File {
    fn read(path: &str, command: &Command) -> Result<File, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
        let file = File::parse(path, &text)?;
        for setting in &file.settings {
            let at = format!("{path}:{}", setting.line);
            let Some(flag) = find(command, &setting.key) else {
                return Err(format!("{at}: {}", unknown(command, &setting.key)));
            };
            check(command, flag, &setting.value).map_err(|reason| format!("{at}: {reason}"))?;
        }
        Ok(file)
    }

    fn parse(path: &str, text: &str) -> Result<File, String> {
        let line_of = |offset: usize| 1 + text[..offset].matches('\n').count();
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_of(error.span().map_or(0, |span| span.start));
            format!("{path}:{line}: {}", error.message())
        })?;
        let mut settings = vec![];
        for (key, value) in table.into_inner() {
            let line = line_of(key.span().start);
            let key = key.into_inner().into_owned();
            let Some(value) = flat(value) else {
                let reason = "must be a text, a number, true or false";
                return Err(format!("{path}:{line}: `{key}` {reason}"));
            };
            settings.push(Setting { key, value, line });
        }
        Ok(File {
            path: path.to_owned(),
            settings,
        })
    }
}

/// Checks what the environment sets.
///
/// # Errors
/// Names the variable at fault.
pub(crate) fn check_environment(command: &Command) -> Result<(), String> {
    for flag in command.get_arguments() {
        let Some(name) = flag.get_env() else { continue };
        let Some(value) = env::var_os(name) else {
            continue;
        };
        let name = name.to_string_lossy();
        let value = value.into_string();
        let value = value.map_err(|_| format!("{name}: not text in UTF-8"))?;
        check(command, flag, &value).map_err(|reason| format!("{name}: {reason}"))?;
    }
    Ok(())
}

/// All settings as a configuration file, each with where it came from.
pub(crate) fn print(command: &Command, matches: &ArgMatches, files: &Files) -> String {
    let mut text = String::new();
    for flag in command.get_arguments().filter(|flag| is_setting(flag)) {
        let (id, Some(name)) = (flag.get_id().as_str(), flag.get_long()) else {
            continue;
        };
        let raw = matches.get_raw(id).and_then(|mut values| values.next());
        let value = match raw {
            Some(value) if takes_value(flag) => {
                format!("{:?}", without_passwords(&value.to_string_lossy()))
            }
            Some(_) => matches.get_flag(id).to_string(),
            None => {
                let _ = writeln!(text, "# {name} is not set");
                continue;
            }
        };
        let from = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => format!("--{name}"),
            Some(ValueSource::EnvVariable) => flag
                .get_env()
                .map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            _ => match files.find(name) {
                Some((file, setting)) => format!("{}:{}", file.path, setting.line),
                None => "default".to_owned(),
            },
        };
        let _ = writeln!(text, "{name} = {value} # {from}");
    }
    text
}

/// A value as it would be written after a flag.
fn flat(value: Spanned<DeValue<'_>>) -> Option<String> {
    match value.into_inner() {
        DeValue::String(text) => Some(text.into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

fn is_setting(flag: &Arg) -> bool {
    !FLAGS_ONLY.contains(&flag.get_id().as_str())
}

fn takes_value(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    let mut settings = command.get_arguments().filter(|flag| is_setting(flag));
    settings.find(|flag| flag.get_long() == Some(key))
}

/// Parses one setting by itself.
fn check(command: &Command, flag: &Arg, value: &str) -> Result<(), String> {
    let Some(name) = flag.get_long().filter(|_| takes_value(flag)) else {
        return Ok(());
    };
    let alone = command.clone().mut_args(|arg| arg.env(None));
    let parsed = alone.try_get_matches_from([command.get_name(), &format!("--{name}={value}")]);
    parsed.map(drop).map_err(|error| one_line(&error))
}

/// What to say of a key that is no setting.
fn unknown(command: &Command, key: &str) -> String {
    let parsed = command
        .clone()
        .try_get_matches_from([command.get_name(), &format!("--{key}")]);
    let similar = parsed
        .err()
        .and_then(|error| match error.get(ContextKind::SuggestedArg) {
            Some(ContextValue::String(flag)) => Some(flag.trim_start_matches('-').to_owned()),
            _ => None,
        });
    match similar.filter(|name| find(command, name).is_some()) {
        Some(name) => format!("there is no setting `{key}`; did you mean `{name}`?"),
        None => format!("there is no setting `{key}`"),
    }
}

/// The paragraph that matters of clap's page.
pub(crate) fn one_line(error: &clap::Error) -> String {
    let page = error.to_string();
    let lines = page.lines().map(str::trim);
    let lines: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    without_passwords(text.strip_prefix("error: ").unwrap_or(&text))
}

/// A text without the passwords of the URLs in it: it may be read by others than who wrote it.
fn without_passwords(text: &str) -> String {
    let words = text.split_inclusive([' ', '\'', '"']);
    words.map(without_password).collect()
}

fn without_password(word: &str) -> String {
    let mut word = word.to_owned();
    if let Some(begin) = word.find("://").map(|at| at + "://".len())
        && let Some(end) = word.rfind('@').filter(|end| begin < *end)
        && let Some(colon) = word[begin..end].find(':')
    {
        word.replace_range(begin + colon + 1..end, HIDDEN);
    }
    if let Some(begin) = word.find(PARAMETER).map(|at| at + PARAMETER.len()) {
        let length = word[begin..].find(['&', ' ', '\'', '"']);
        let end = length.map_or(word.len(), |length| begin + length);
        word.replace_range(begin..end, HIDDEN);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_not_shown() {
        let check = |text: &str, shown: &str| assert_eq!(without_passwords(text), shown);
        check("postgres://a:b@c/d", "postgres://a:***@c/d");
        check("'postgres://a:b@c@d/e' is", "'postgres://a:***@d/e' is");
        check("a://b/c?password=d&user=e", "a://b/c?password=***&user=e");
        check("'a://b/c?password=d' is", "'a://b/c?password=***' is");
        check("http://a:80/b c@d", "http://a:80/b c@d");
        check("a:b@c", "a:b@c");
    }
}
