//! The pool's rule for passwords, in the words in which Doorward says its own.

/// What Amazon says of a password that breaks a part of the rule, in lower case, and what people are told.
const RULES: &[(&str, &str)] = &[
    ("not long enough", "Password is too short"),
    ("length less than or equal", "Password is too long"),
    ("uppercase", "Password must contain at least one uppercase letter"),
    ("lowercase", "Password must contain at least one lowercase letter"),
    ("numeric", "Password must contain at least one digit"),
    ("symbol", "Password must contain at least one special character"),
    ("space", "Password must not begin or end with a space"),
    // How Amazon's check of the request writes that.
    (r"[\s]+.*[\s]+", "Password must not begin or end with a space"),
    ("previously", "Password was used before"),
    ("security reasons", "Password is too common"),
];

/// What is told where Amazon says something else.
const SOMETHING: &str = "Password does not meet the rules of the user pool";

/// The part of the rule that a password breaks.
pub(super) fn broken(message: &str) -> String {
    let message = message.to_ascii_lowercase();
    let rule = RULES.iter().find(|(phrase, _)| message.contains(phrase));
    rule.map_or(SOMETHING, |(_, told)| told).to_owned()
}
