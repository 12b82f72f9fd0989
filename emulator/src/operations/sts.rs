//! Who the caller is.

use super::Output;
use crate::identity::Caller;

pub(super) fn caller_identity(caller: &Caller) -> Output {
    Output::CallerIdentity {
        arn: format!("arn:aws:iam::{}:user/emulator", caller.account),
        user_id: caller.access_key.clone(),
        account: caller.account.clone(),
    }
}
