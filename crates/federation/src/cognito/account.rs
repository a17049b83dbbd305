//! Accounts as Cognito's attributes say them.

use aws_sdk_cognitoidentityprovider::types::{AttributeType, UserStatusType};
use doorward_identity::user::PhoneNumber;
use doorward_identity::user_pool::{PoolAccount, PoolError, PoolSignUp};

/// What somebody says of themselves when they sign up.
pub(super) fn attributes_of(new: &PoolSignUp<'_>) -> Vec<AttributeType> {
    let given = [
        ("email", Some(new.email.as_str())),
        ("given_name", new.given_name),
        ("family_name", new.family_name),
        ("phone_number", new.phone.map(PhoneNumber::as_str)),
    ];
    given.into_iter().filter_map(|(name, value)| attribute(name, value?)).collect()
}

/// An attribute. It is always some: only one without a name is none.
pub(super) fn attribute(name: &str, value: &str) -> Option<AttributeType> {
    AttributeType::builder().name(name).value(value).build().ok()
}

/// An account of which the pool says this.
pub(super) fn account(
    attributes: &[AttributeType],
    status: Option<&UserStatusType>,
    enabled: bool,
) -> Result<PoolAccount, PoolError> {
    let of = |name: &str| {
        let found = attributes.iter().find(|attribute| attribute.name() == name);
        found.and_then(AttributeType::value).filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let nobody = || PoolError::Unavailable("it tells of an account without a subject".to_owned());
    Ok(PoolAccount {
        subject: of("sub").ok_or_else(nobody)?,
        email: of("email"),
        email_verified: of("email_verified").is_some_and(|verified| verified.eq_ignore_ascii_case("true")),
        given_name: of("given_name"),
        family_name: of("family_name"),
        phone: of("phone_number"),
        // Every other status comes after it: a forced change of the password, an ordered reset, an outside provider.
        confirmed: status != Some(&UserStatusType::Unconfirmed),
        enabled,
        // One who was given a password all the same is confirmed by that.
        has_password: status != Some(&UserStatusType::ExternalProvider),
    })
}
