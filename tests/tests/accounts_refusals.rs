//! What a Cognito user pool refuses, exception by exception: the status and the words that a client gets, and nothing of
//! Amazon's.

use doorward_tests::accounts::{Accounts, RESET, Tokens, VERIFICATION, registration};
use doorward_tests::cognito::PoolClient;
use doorward_tests::fault_proxy::Fault;
use doorward_tests::shape::{fields, text};
use doorward_tests::{PASSWORD, Response, part};
use serde_json::{Value, json};

/// What an answer says: its status with its `detail`, or its `code` where the words are free.
#[derive(Clone, Copy, Debug)]
enum Said {
    Detail(u16, &'static str),
    Code(u16, &'static str),
    /// A fault of the field.
    Field(&'static str),
    /// It may be tried again, and when.
    Later(u16),
}

const WRONG_PASSWORD: Said = Said::Detail(401, "Invalid email or password");
const WRONG_CODE: Said = Said::Detail(400, "Invalid confirmation code");

/// Each call of the surface, the operation of the pool behind it, an exception of that, and what is said then.
const TABLE: &[(&str, &str, &str, Said)] = &[
    ("register", "SignUp", "UsernameExistsException", Said::Detail(400, "Email already registered")),
    ("register", "SignUp", "InvalidPasswordException", Said::Field("password")),
    ("register", "SignUp", "UserLambdaValidationException", Said::Code(403, "refused_by_rule")),
    ("register", "SignUp", "CodeDeliveryFailureException", Said::Later(503)),
    ("register", "SignUp", "LimitExceededException", Said::Later(429)),
    ("register", "SignUp", "TooManyRequestsException", Said::Later(429)),
    ("register", "SignUp", "InternalErrorException", Said::Later(503)),
    ("register", "SignUp", "ResourceNotFoundException", Said::Later(503)),
    ("register", "SignUp", "SomethingNewException", Said::Later(503)),
    ("verify", "ConfirmSignUp", "CodeMismatchException", WRONG_CODE),
    ("verify", "ConfirmSignUp", "ExpiredCodeException", Said::Detail(400, "Confirmation code has expired")),
    ("verify", "ConfirmSignUp", "UserNotFoundException", WRONG_CODE),
    ("verify", "ConfirmSignUp", "NotAuthorizedException", Said::Later(503)),
    ("verify", "ConfirmSignUp", "TooManyFailedAttemptsException", Said::Later(429)),
    ("verify", "ConfirmSignUp", "UserLambdaValidationException", Said::Code(403, "refused_by_rule")),
    ("verify", "ConfirmSignUp", "ThrottlingException", Said::Later(429)),
    ("login", "InitiateAuth", "NotAuthorizedException", WRONG_PASSWORD),
    ("login", "InitiateAuth", "UserNotFoundException", WRONG_PASSWORD),
    ("login", "InitiateAuth", "UserNotConfirmedException", Said::Detail(401, "Email not verified")),
    ("login", "InitiateAuth", "PasswordResetRequiredException", Said::Code(403, "password_reset_required")),
    ("login", "InitiateAuth", "TooManyRequestsException", Said::Later(429)),
    ("login", "InitiateAuth", "InternalErrorException", Said::Later(503)),
    ("login", "InitiateAuth", "AccessDeniedException", Said::Later(503)),
    ("ask", "ResendConfirmationCode", "LimitExceededException", Said::Later(429)),
    ("ask", "ResendConfirmationCode", "CodeDeliveryFailureException", Said::Later(503)),
    ("ask", "ResendConfirmationCode", "TooManyRequestsException", Said::Later(429)),
    ("forgot", "AdminGetUser", "InternalErrorException", Said::Later(503)),
    ("forgot", "AdminGetUser", "TooManyRequestsException", Said::Later(429)),
    ("change", "AdminSetUserPassword", "InvalidPasswordException", Said::Field("new_password")),
    ("change", "AdminSetUserPassword", "AccessDeniedException", Said::Later(503)),
    ("leave", "AdminDeleteUser", "AccessDeniedException", Said::Later(503)),
    ("leave", "AdminDeleteUser", "TooManyRequestsException", Said::Later(429)),
];

#[test]
fn each_exception_is_told_in_our_words() {
    part::with(&["python"], || {
        let accounts = Accounts::in_a_pool(PoolClient::Confidential);
        let email = accounts.person("person");
        let tokens = accounts.tokens(&email);
        accounts.register("pending@example.com").expect(201);
        accounts.confirmation_code("pending@example.com");
        let users = accounts.doorward.accounts();
        for (row, (call, operation, exception, said)) in TABLE.iter().enumerate() {
            // Attempts count, whatever comes of them; here they are too many for one account.
            accounts.doorward.setup().database().execute("delete from signin_throttles");
            accounts.faults().calls();
            accounts.faults().fails_at(operation, Fault::Answer(400, exception));
            let answer = ask(&accounts, call, row, &email, &tokens);
            accounts.faults().heal();
            let what = format!("{call}: {exception} of {operation}");
            assert!(accounts.faults().calls().iter().any(|made| made == operation), "{what} was asked");
            assert_says(&what, answer, *said);
        }
        // None of it changed anything: all can be done now.
        assert_eq!(accounts.doorward.accounts(), users);
        accounts.assert_bearer(&tokens.access, true);
        accounts.tokens(&email);
        accounts.let_time_pass(60);
        accounts.verify("pending@example.com", "123456").expect(200);
        accounts.tokens("pending@example.com");
    });
}

fn ask(accounts: &Accounts, call: &str, row: usize, email: &str, tokens: &Tokens) -> Response {
    let of_me = |method: &str, path: &str, body: &Value| {
        let request = accounts.doorward.request(method, &format!("/api/v1/users/me{path}"));
        request.bearer(&tokens.access).json(body).send()
    };
    match call {
        "register" => accounts.post("register", &registration(&format!("new{row}@example.com"))),
        "verify" => accounts.verify("pending@example.com", "123456"),
        "login" => accounts.login(email, PASSWORD),
        "ask" => accounts.request_code(&format!("ask{row}@example.com"), VERIFICATION),
        "forgot" => accounts.request_code(&format!("forgot{row}@example.com"), RESET),
        "change" => {
            of_me("POST", "/password", &json!({"current_password": PASSWORD, "new_password": "Still-Harbour-42"}))
        }
        "leave" => of_me("DELETE", "", &json!({"password": PASSWORD})),
        other => panic!("no call {other}"),
    }
}

#[track_caller]
fn assert_says(what: &str, answer: Response, said: Said) {
    let visible = format!("{:?} {}", answer.headers, answer.text()).to_lowercase();
    for theirs in ["a fault of the test", "exception", "amazon", "aws", "cognito", "amz"] {
        assert!(!visible.contains(theirs), "{what} tells {theirs}: {visible}");
    }
    let (status, retry_after) = (answer.status, answer.header("retry-after").map(str::to_owned));
    let expected = match said {
        Said::Detail(status, _) | Said::Code(status, _) | Said::Later(status) => status,
        Said::Field(_) => 400,
    };
    assert_eq!(status, expected, "{what}: {}", answer.text());
    let problem = answer.problem(status);
    match said {
        Said::Detail(_, words) => assert_eq!(problem["detail"], words, "{what}"),
        Said::Code(_, code) => {
            assert_eq!(problem["code"], code, "{what}");
            assert!(text(&problem["detail"]).len() > 20, "{what} says what it is: {problem}");
        }
        Said::Field(field) => assert_eq!(fields(&problem), [field], "{what}"),
        Said::Later(_) => {
            let wait: u64 = retry_after.unwrap_or_else(|| panic!("{what}: no Retry-After")).parse().expect("seconds");
            assert!((1..=900).contains(&wait), "{what}: {wait}");
        }
    }
}
