//! Where settings come from, in one order: a flag wins over its environment variable, that over the
//! configuration file, that over the stage's, that over the default. Must not know any
//! single setting: the flags are the one list of them.

use std::any::TypeId;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;
use std::{env, fs};

use clap::builder::BoolishValueParser;
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
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

/// Bytes of a configuration file: far more than there are settings, and less than what takes long.
const FILE_MAX: u64 = 1 << 20;

/// All settings there are.
pub(crate) struct Schema {
    /// The flags.
    pub(crate) command: Command,
    /// Says what is wrong with settings that could be read.
    faults: fn(&ArgMatches) -> Vec<String>,
}

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
    /// Whether it is true or false, and no text that says so.
    is_boolean: bool,
    line: usize,
}

impl Schema {
    /// Of these flags. Each that is a switch may be given a value too, `--debug=false`, so that it
    /// wins over what a variable or a file says.
    pub(crate) fn new(command: Command, faults: fn(&ArgMatches) -> Vec<String>) -> Schema {
        let command = command.mut_args(|flag| {
            if !is_setting(&flag) || takes_value(&flag) {
                return flag;
            }
            flag.action(ArgAction::Set)
                .value_parser(BoolishValueParser::new())
                .value_name("true|false")
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .default_value("false")
                .hide_default_value(true)
                .hide_possible_values(true)
        });
        Schema { command, faults }
    }

    /// Checks each flag that is set.
    ///
    /// # Errors
    /// Names the flag at fault.
    pub(crate) fn check_flags(&self, matches: &ArgMatches) -> Result<(), String> {
        for flag in self.command.get_arguments().filter(|flag| is_setting(flag)) {
            let id = flag.get_id().as_str();
            if matches.value_source(id) != Some(ValueSource::CommandLine) {
                continue;
            }
            let mut raw = matches.get_raw(id).into_iter().flatten();
            // What is no text is the path of a file, of which nobody knows what is wrong with it.
            if let Some(value) = raw.next().and_then(|value| value.to_str()) {
                let faults = self.check(flag, value);
                faults.map_err(|reason| format!("--{id}: {reason}", id = id.replace('_', "-")))?;
            }
        }
        Ok(())
    }

    /// Checks what the environment sets.
    ///
    /// # Errors
    /// Names the variable at fault.
    pub(crate) fn check_environment(&self) -> Result<(), String> {
        for flag in self.command.get_arguments() {
            let Some(name) = flag.get_env() else { continue };
            let Some(value) = env::var_os(name) else {
                continue;
            };
            let name = name.to_string_lossy();
            let value = value.into_string();
            let value = value.map_err(|_| format!("{name}: not text in UTF-8"))?;
            let faults = self.check(flag, &value);
            faults.map_err(|reason| format!("{name}: {reason}"))?;
        }
        Ok(())
    }

    /// Parses one setting by itself, and asks what is wrong with it.
    fn check(&self, flag: &Arg, value: &str) -> Result<(), String> {
        let Some(name) = flag.get_long() else {
            return Ok(());
        };
        let alone = self.command.clone().mut_args(|arg| arg.env(None));
        let set = format!("--{name}={value}");
        let parsed = alone.try_get_matches_from([self.command.get_name(), &set]);
        let faults = (self.faults)(&parsed.map_err(|error| one_line(&error))?);
        if faults.is_empty() {
            return Ok(());
        }
        Err(faults.join("; "))
    }
}

impl Files {
    /// Reads files, of which the first wins, and checks each of their settings as if it were a flag.
    ///
    /// # Errors
    /// Names the file, and the line where one is at fault.
    pub(crate) fn read<'a>(
        paths: impl Iterator<Item = &'a Path>,
        schema: &Schema,
    ) -> Result<Files, String> {
        let read = |path: &Path| File::read(&path.to_string_lossy(), schema);
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
    fn read(path: &str, schema: &Schema) -> Result<File, String> {
        let text = read(path).map_err(|error| format!("{path}: {error}"))?;
        let file = File::parse(path, &text)?;
        for setting in &file.settings {
            let at = format!("{path}:{}", setting.line);
            let Some(flag) = find(&schema.command, &setting.key) else {
                let reason = unknown(&schema.command, &setting.key);
                return Err(format!("{at}: {reason}"));
            };
            let is_right = setting.check_kind(flag);
            is_right
                .and_then(|()| schema.check(flag, &setting.value))
                .map_err(|reason| format!("{at}: {reason}"))?;
        }
        Ok(file)
    }

    fn parse(path: &str, text: &str) -> Result<File, String> {
        let ends: Vec<_> = text.match_indices('\n').map(|(end, _)| end).collect();
        let line_of = |offset: usize| 1 + ends.partition_point(|end| *end < offset);
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_of(error.span().map_or(0, |span| span.start));
            format!("{path}:{line}: {}", error.message())
        })?;
        let mut settings = vec![];
        for (key, value) in table.into_inner() {
            let line = line_of(key.span().start);
            let key = key.into_inner().into_owned();
            let is_boolean = matches!(value.get_ref(), DeValue::Boolean(_));
            let Some(value) = flat(value) else {
                let reason = "must be a text, a decimal number, true or false";
                return Err(format!("{path}:{line}: `{key}` {reason}"));
            };
            settings.push(Setting {
                key,
                value,
                is_boolean,
                line,
            });
        }
        Ok(File {
            path: path.to_owned(),
            settings,
        })
    }
}

impl Setting {
    /// Switches are true or false, and nothing else is.
    fn check_kind(&self, flag: &Arg) -> Result<(), String> {
        let Setting { key, value, .. } = self;
        match (is_switch(flag), self.is_boolean) {
            (true, false) => Err(format!("`{key}` must be true or false, and not {value:?}")),
            (false, true) => Err(format!("`{key}` is no switch: it cannot be {value}")),
            (true, true) | (false, false) => Ok(()),
        }
    }
}

/// The text of a file of at most [`FILE_MAX`] bytes.
fn read(path: &str) -> io::Result<String> {
    let mut text = String::new();
    let mut file = fs::File::open(path)?.take(FILE_MAX + 1);
    match file.read_to_string(&mut text)? as u64 {
        0..=FILE_MAX => Ok(text),
        _ => Err(io::Error::other("more than 1 MiB is no configuration")),
    }
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
            Some(_) if is_switch(flag) => matches.get_flag(id).to_string(),
            Some(value) => format!("{:?}", without_passwords(&value.to_string_lossy())),
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

/// Whether it is on or off.
fn is_switch(flag: &Arg) -> bool {
    flag.get_value_parser().type_id() == TypeId::of::<bool>()
}

fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    let mut settings = command.get_arguments().filter(|flag| is_setting(flag));
    settings.find(|flag| flag.get_long() == Some(key))
}

/// What to say of a key that is no setting.
fn unknown(command: &Command, key: &str) -> String {
    let shown = key.escape_debug();
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
        Some(name) => format!("there is no setting `{shown}`; did you mean `{name}`?"),
        None => format!("there is no setting `{shown}`"),
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
        && let Some((begin, end)) = password(&word, begin)
    {
        word.replace_range(begin..end, HIDDEN);
    }
    if let Some(begin) = word.find(PARAMETER).map(|at| at + PARAMETER.len()) {
        let length = word[begin..].find(['&', ' ', '\'', '"']);
        let end = length.map_or(word.len(), |length| begin + length);
        word.replace_range(begin..end, HIDDEN);
    }
    word
}

/// Where the password is of a URL whose authority begins at `begin`. Where there is no `@`, it is what
/// stands in the place of a port and is none: somebody may have forgotten the host.
fn password(url: &str, begin: usize) -> Option<(usize, usize)> {
    let authority = &url[begin..];
    let (end, is_told) = match authority.rfind('@') {
        Some(end) => (end, true),
        None => (
            authority
                .find(['/', '?', '\'', '"', ' '])
                .unwrap_or(authority.len()),
            false,
        ),
    };
    // An address of IPv6 has colons of its own.
    let from = if is_told {
        0
    } else {
        authority[..end].rfind(']').unwrap_or(0)
    };
    let colon = from + authority[from..end].find(':')?;
    let is_port = authority[colon + 1..end]
        .bytes()
        .all(|byte| byte.is_ascii_digit());
    (is_told || !is_port).then_some((begin + colon + 1, begin + end))
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
        check("postgres://a:b", "postgres://a:***");
        check("'postgres://a:b/c' is", "'postgres://a:***/c' is");
        check("postgres://a:5432/b", "postgres://a:5432/b");
        check("http://[::1]:80/b", "http://[::1]:80/b");
        check("http://a:80/b c@d", "http://a:80/b c@d");
        check("a:b@c", "a:b@c");
    }
}
