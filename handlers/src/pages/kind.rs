//! Schemas in a few words: `array of User`, `integer, 0 to 600000`.

use serde_json::Value;

/// What a value of this schema is.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = reference(schema) {
        return name.to_owned();
    }
    for (choice, word) in [("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")] {
        if let Some(Value::Array(choices)) = schema.get(choice) {
            let kinds: Vec<String> = choices.iter().map(kind).collect();
            return kinds.join(word);
        }
    }
    if let Some(only) = schema.get("const") {
        return only.to_string();
    }
    if let Some(Value::Array(values)) = schema.get("enum") {
        let values: Vec<String> = values.iter().map(Value::to_string).collect();
        return values.join(" or ");
    }
    match schema.get("type") {
        Some(Value::String(name)) => bounded(name, schema),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str);
            let kinds: Vec<String> = names.map(|name| bounded(name, schema)).collect();
            kinds.join(" or ")
        }
        _ => "anything".to_owned(),
    }
}

/// The name of the schema that this one refers to, itself or for its items.
pub(super) fn reference(schema: &Value) -> Option<&str> {
    let target = schema.get("$ref")?.as_str()?;
    target.rsplit_once('/').map(|(_, name)| name)
}

/// A type with its bounds.
fn bounded(name: &str, schema: &Value) -> String {
    match name {
        "array" => match schema.get("items") {
            Some(items) => format!("array of {}", kind(items)),
            None => "array".to_owned(),
        },
        "string" => {
            let format = schema.get("format").and_then(Value::as_str);
            range(
                format.unwrap_or(name),
                schema,
                "minLength",
                "maxLength",
                " characters",
            )
        }
        "integer" | "number" => range(name, schema, "minimum", "maximum", ""),
        other => other.to_owned(),
    }
}

fn range(name: &str, schema: &Value, min: &str, max: &str, unit: &str) -> String {
    match (schema.get(min), schema.get(max)) {
        (Some(min), Some(max)) => format!("{name}, {min} to {max}{unit}"),
        (Some(min), None) => format!("{name}, {min}{unit} or more"),
        (None, Some(max)) => format!("{name}, {max}{unit} at most"),
        (None, None) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_in_a_few_words() {
        let check = |schema: Value, expected: &str| assert_eq!(kind(&schema), expected, "{schema}");
        check(json!({}), "anything");
        check(json!({ "type": "boolean" }), "boolean");
        check(json!({ "type": "string" }), "string");
        check(json!({ "type": "string", "format": "email" }), "email");
        check(
            json!({ "type": "string", "minLength": 1, "maxLength": 9 }),
            "string, 1 to 9 characters",
        );
        check(json!({ "type": ["string", "null"] }), "string or null");
        check(
            json!({ "type": "integer", "minimum": 0 }),
            "integer, 0 or more",
        );
        check(
            json!({ "type": "number", "maximum": 9 }),
            "number, 9 at most",
        );
        check(json!({ "$ref": "#/components/schemas/User" }), "User");
        let users = json!({ "type": "array", "items": { "$ref": "#/components/schemas/User" } });
        check(users, "array of User");
        check(json!({ "enum": ["a", "b"] }), r#""a" or "b""#);
        check(json!({ "const": 1 }), "1");
        let either = json!({ "anyOf": [{ "$ref": "#/a/User" }, { "type": "null" }] });
        check(either, "User or null");
    }
}
