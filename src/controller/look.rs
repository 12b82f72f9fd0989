//! Why to look at an object. Plain data.

use super::objects::Key;

/// A reason to look whether an object needs work.
#[derive(Clone, Debug)]
pub enum Look {
    /// It changed, or what it depends on did.
    At(Key),
    /// Its reconcile has ended.
    Reconciled(Key),
    /// It is gone.
    Gone(Key),
    /// The lane of this region has news.
    Lane(String),
    /// Every watch has listed.
    All,
}
