//! Paths of the document, from the routing table's patterns.

/// The pattern as OpenAPI writes it: `{*rest}` is `{rest}`, and `{{` a brace.
pub fn template(pattern: &str) -> String {
    let mut path = String::with_capacity(pattern.len());
    for part in parts(pattern) {
        match part {
            Part::Literal(text) => path.push(text),
            Part::Parameter(name) => path.extend(["{", name, "}"]),
        }
    }
    path
}

/// The names of its parameters, in order.
pub(super) fn names(pattern: &str) -> Vec<&str> {
    let parameters = parts(pattern).filter_map(|part| match part {
        Part::Parameter(name) => Some(name),
        Part::Literal(_) => None,
    });
    parameters.collect()
}

/// What a pattern is made of.
enum Part<'p> {
    /// A character that stands for itself.
    Literal(char),
    /// The name of a parameter.
    Parameter(&'p str),
}

fn parts(pattern: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = pattern;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let doubled = rest.starts_with("{{") || rest.starts_with("}}");
        if first == '{' && !doubled {
            // The table's own check has found the other brace.
            let (name, after) = rest[1..].split_once('}').unwrap_or((&rest[1..], ""));
            rest = after;
            return Some(Part::Parameter(name.trim_start_matches('*')));
        }
        rest = &rest[first.len_utf8() + usize::from(doubled)..];
        Some(Part::Literal(first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_become_templates() {
        let check = |pattern: &str, path: &str, expected: &[&str]| {
            assert_eq!(template(pattern), path, "{pattern}");
            assert_eq!(names(pattern), expected, "{pattern}");
        };
        check("/", "/", &[]);
        check("/users/{id}", "/users/{id}", &["id"]);
        check("/a/{b}/c/{d}", "/a/{b}/c/{d}", &["b", "d"]);
        check("/files/{*rest}", "/files/{rest}", &["rest"]);
        check("/x{{y}}/ä", "/x{y}/ä", &[]);
    }
}
