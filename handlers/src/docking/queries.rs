//! What can be asked of the tables, and the answers. Knows no lanes and does not wait.

use container::extract::Json;
use container::{IntoResponse, Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::{CUSTOMERS, Customer, USERS, User};

/// Which users are wanted: those that pass every filter that is there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct UserFilter {
    /// A part of the name, in upper or lower case.
    #[schemars(example = &"Lee")]
    pub name: Option<String>,
    /// A part of the role, in upper or lower case.
    #[schemars(example = &"SALES")]
    pub role: Option<String>,
}

/// Which customers are wanted: those that pass every filter that is there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomerFilter {
    /// A part of the name, in upper or lower case.
    #[schemars(example = &"JORDAN")]
    pub name: Option<String>,
    /// The identifier of their user, in full.
    #[schemars(example = &"1")]
    pub sales_id: Option<String>,
}

/// There is nobody with this identifier: a 404 in the docking API's own shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(example = ResourceNotFound::new("User", "9"))]
pub struct ResourceNotFound {
    /// Always `ResourceNotFound`.
    r#type: &'static str,
    /// What was looked for, and the identifier as asked for.
    message: String,
}

/// The users that pass the filter, in the table's order.
pub fn list_users(filter: &UserFilter) -> Json<Vec<User>> {
    let wanted = |user: &User| {
        contains(user.name, filter.name.as_deref()) && contains(user.role, filter.role.as_deref())
    };
    Json(USERS.into_iter().filter(wanted).collect())
}

/// The user with this identifier.
///
/// # Errors
/// When there is none.
pub fn find_user(id: &str) -> Result<Json<User>, ResourceNotFound> {
    let user = USERS.into_iter().find(|user| user.id == id);
    user.map(Json)
        .ok_or_else(|| ResourceNotFound::new("User", id))
}

/// The customers that pass the filter, in the table's order.
pub fn list_customers(filter: &CustomerFilter) -> Json<Vec<Customer>> {
    let sold_by = |customer: &Customer| match &filter.sales_id {
        Some(id) => customer.sales_id == id,
        None => true,
    };
    let wanted =
        |customer: &Customer| contains(customer.name, filter.name.as_deref()) && sold_by(customer);
    Json(CUSTOMERS.into_iter().filter(wanted).collect())
}

/// The customer with this identifier.
///
/// # Errors
/// When there is none.
pub fn find_customer(id: &str) -> Result<Json<Customer>, ResourceNotFound> {
    let customer = CUSTOMERS.into_iter().find(|customer| customer.id == id);
    customer
        .map(Json)
        .ok_or_else(|| ResourceNotFound::new("Customer", id))
}

impl ResourceNotFound {
    /// There is no `kind` with this identifier.
    fn new(kind: &str, id: &str) -> Self {
        ResourceNotFound {
            r#type: "ResourceNotFound",
            message: format!("{kind} ID {id} not found"),
        }
    }
}

impl IntoResponse for ResourceNotFound {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, Json(self)).into_response()
    }
}

/// Whether `text` has the wanted part, upper and lower case being the same; what is not asked for
/// does not matter.
fn contains(text: &str, part: Option<&str>) -> bool {
    part.is_none_or(|part| text.to_lowercase().contains(&part.to_lowercase()))
}
