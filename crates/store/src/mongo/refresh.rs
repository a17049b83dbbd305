//! The turn of a refresh token, as `../sql/refresh.rs` describes it, on the session's document.

use doorward_identity::audit::AuditEvent;
use doorward_identity::session::{EndReason, RefreshFamily, Rotation};

use super::aggregate::{Decision, Draft};
use super::effect::Effect;
use super::session;
use super::session_document::{RetiredDocument, SessionDocument};
use super::values::{binary, hash, moment, timestamp};
use crate::fault::{Fault, readable};

/// The longest way from a repeated token to the one that counts. No client turns faster in ten seconds.
const LONGEST_WAY: usize = 64;
/// A session with so many turns behind it turns no more, but begins anew: its document is written whole at each. At a turn
/// every ten minutes that is more than a month.
const MOST_TURNS: usize = 5_000;

/// Takes one step with a family of refresh tokens.
pub(super) fn rotate(
    draft: &mut Draft<SessionDocument>,
    step: &RefreshFamily,
    reuse: &AuditEvent,
) -> Result<Decision<Rotation>, Fault> {
    let at = moment(step.at);
    let (user_id, session_expires_at) = (draft.user(), timestamp(draft.expires_at)?);
    let is_open = draft.is_open(at);
    let presented = hash(&step.presented);
    if draft.credential_hash == presented {
        if !is_open || draft.credential_expires_at <= at || draft.retired.len() >= MOST_TURNS {
            return Ok(Decision::Leave(Rotation::Over));
        }
        replace(draft, step);
        return Ok(Decision::Write(Rotation::Rotated { user_id, session_expires_at }));
    }
    let Some(generation) = draft.retired.iter().position(|retired| retired.hash == presented) else {
        return Ok(Decision::Leave(Rotation::Unknown));
    };
    if !is_open {
        return Ok(Decision::Leave(Rotation::Over));
    }
    if draft.retired[generation].retired_at <= moment(step.repeat_after) {
        session::end(draft, EndReason::RefreshReused, step.at);
        draft.owe(Effect::audit(reuse));
        return Ok(Decision::Write(Rotation::Reused { user_id }));
    }
    let since = &draft.retired[generation..];
    if since.len() > LONGEST_WAY {
        return Ok(Decision::Leave(Rotation::Over));
    }
    let salts = since.iter().map(|retired| readable(retired.salt.bytes.as_slice().try_into().ok(), "refresh salt"));
    let salts = salts.collect::<Result<_, _>>()?;
    Ok(Decision::Leave(Rotation::Repeated { user_id, session_expires_at, salts }))
}

/// Puts the successor in the place of the token presented.
fn replace(draft: &mut Draft<SessionDocument>, step: &RefreshFamily) {
    let retired =
        RetiredDocument { hash: hash(&step.presented), salt: binary(&step.salt), retired_at: moment(step.at) };
    draft.retired.push(retired);
    draft.refresh_generation += 1;
    draft.credential_hash = hash(&step.successor);
    draft.credential_expires_at = moment(step.expires_at).min(draft.expires_at);
    draft.last_seen_at = moment(step.at);
}
