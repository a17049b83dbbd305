//! A change of password: the proof is judged and used up in the write that brings the new hash, and all that was built
//! on the former password falls with it.

use doorward_identity::credential::PasswordHash;
use doorward_identity::session::EndReason;
use doorward_identity::user::{PasswordChange, PasswordProof};
use jiff::Timestamp;

use super::aggregate::Draft;
use super::code;
use super::effect::Effect;
use super::user_document::UserDocument;
use super::values::moment;

/// Changes a password as the port says. False, and nothing changed, when the proof does not hold.
pub(super) fn change(draft: &mut Draft<UserDocument>, change: &PasswordChange<'_>, at: Timestamp) -> bool {
    if !draft.is_active() || !is_proved(draft, &change.proof, at) {
        return false;
    }
    draft.password_hash = change.new_hash.map(|hash| PasswordHash::expose(hash).to_owned());
    draft.password_changed_at = Some(moment(at));
    if let PasswordProof::Grant(_) = change.proof {
        draft.email_verified_at.get_or_insert(moment(at));
        draft.sign_up_contested = false;
    }
    if change.keep.is_none() {
        draft.signed_out_at = Some(moment(at));
    }
    draft.touch(at);
    let before = draft.next_revision();
    draft.owe(Effect::end_sessions(change.user, before, change.keep, EndReason::PasswordChanged, at));
    code::drop_all(draft, at);
    draft.owe(Effect::put_mail(change.notice));
    true
}

fn is_proved(user: &UserDocument, proof: &PasswordProof<'_>, at: Timestamp) -> bool {
    match proof {
        PasswordProof::Current(current) => user.password_hash.as_deref() == Some(current.expose()),
        PasswordProof::Grant(grant) => code::is_granted(user, grant, at),
        PasswordProof::Pool => true,
    }
}

/// Takes a password nobody may rely on, and every session; a sign-in by it that is under way as well.
pub(super) fn take_away(draft: &mut Draft<UserDocument>, at: Timestamp) {
    draft.password_hash = None;
    draft.password_changed_at = Some(moment(at));
    let (user, before) = (draft.user(), draft.next_revision());
    draft.owe(Effect::end_sessions(user, before, None, EndReason::PasswordChanged, at));
}

/// Makes the account's address count as verified. Where several signed up with it, nobody knows which of them it is:
/// nobody's password or session counts any more.
pub(super) fn mark_verified(draft: &mut Draft<UserDocument>, at: Timestamp) {
    if draft.sign_up_contested {
        draft.sign_up_contested = false;
        take_away(draft, at);
    }
    draft.email_verified_at.get_or_insert(moment(at));
    draft.touch(at);
}
