//! A list that mostly has one member, which then lies in place.
//!
//! Place: below the typed configuration, whose rules name a source, a destination, an application. State: none.

use std::ops::{Deref, DerefMut};

use crate::List;

/// A short list: one member takes no memory of its own.
#[derive(Clone, Debug)]
pub struct Few<T>(Form<T>);

#[derive(Clone, Debug)]
enum Form<T> {
    None,
    One(T),
    /// Also what was more once.
    Many(List<T>),
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self(Form::None)
    }
}

impl<T: Clone> Few<T> {
    pub fn push(&mut self, member: T) {
        self.0 = match std::mem::replace(&mut self.0, Form::None) {
            Form::None => Form::One(member),
            Form::One(first) => Form::Many(vec![first, member].into()),
            Form::Many(mut members) => {
                members.edit().push(member);
                Form::Many(members)
            }
        };
    }

    /// Nobody adds to it any more: what it has too much room for is given back.
    pub fn settle(&mut self) {
        if let Form::Many(members) = &mut self.0 {
            *self = std::mem::take(members).into_vec().into();
        }
    }
}

impl<T> Deref for Few<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match &self.0 {
            Form::None => &[],
            Form::One(member) => std::slice::from_ref(member),
            Form::Many(members) => members,
        }
    }
}

impl<T: Clone> DerefMut for Few<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        match &mut self.0 {
            Form::None => &mut [],
            Form::One(member) => std::slice::from_mut(member),
            Form::Many(members) => members,
        }
    }
}

/// By the members.
impl<T: PartialEq> PartialEq for Few<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Few<T> {}

impl<T> From<Vec<T>> for Few<T> {
    fn from(mut members: Vec<T>) -> Self {
        Self(match members.len() {
            0 => Form::None,
            1 => members.pop().map_or(Form::None, Form::One),
            _ => Form::Many(members.into()),
        })
    }
}

impl<T> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(members: I) -> Self {
        members.into_iter().collect::<Vec<_>>().into()
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, T: Clone> IntoIterator for &'a mut Few<T> {
    type Item = &'a mut T;
    type IntoIter = std::slice::IterMut<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::{Few, Form};

    #[test]
    fn members_are_those_that_were_put_there_however_they_came() {
        for count in 0..5 {
            let members: Vec<String> = (0..count).map(|n| n.to_string()).collect();
            let mut pushed = Few::default();
            members.iter().cloned().for_each(|member| pushed.push(member));
            let mut settled = pushed.clone();
            settled.settle();
            for mut few in [pushed, settled, members.clone().into(), members.iter().cloned().collect()] {
                assert_eq!(*few, *members);
                assert_eq!(few, members.clone().into());
                assert_eq!(matches!(few.0, Form::Many(_)), count > 1, "one member lies in place");
                let before = few.clone();
                (&mut few).into_iter().for_each(|member| member.push('x'));
                assert!(few.iter().all(|member| member.ends_with('x')));
                assert_eq!(*before, *members, "a copy is another's");
            }
        }
    }
}
