//! Junos interface names: `ge-0/0/0`, `ge-0/0/0.10`, and the Linux form with `-` for `/`.

use std::fmt;
use std::str::FromStr;

/// A physical interface's name and, when it names a unit, the unit's number.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName {
    pub device: String,
    pub unit: Option<u32>,
}

/// Why a text names no interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    Empty,
    BadUnit(String),
    BadCharacter(char),
}

impl InterfaceName {
    /// The unit's name, `.0` when the text gave none (as Junos reads it).
    #[must_use]
    pub fn unit_name(&self) -> String {
        format!("{}.{}", self.device, self.unit.unwrap_or(0))
    }

    /// The Linux device: `/` becomes `-`, since a device name can't hold a slash.
    #[must_use]
    pub fn linux_device(&self) -> String {
        self.device.replace('/', "-")
    }
}

impl FromStr for InterfaceName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let (device, unit) = match text.split_once('.') {
            None => (text, None),
            Some((device, unit)) => {
                let number = unit.parse().map_err(|_| NameError::BadUnit(unit.to_owned()))?;
                (device, Some(number))
            }
        };
        if device.is_empty() {
            return Err(NameError::Empty);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "-/:_".contains(c);
        match device.chars().find(|c| !legal(*c)) {
            Some(c) => Err(NameError::BadCharacter(c)),
            None => Ok(Self { device: device.to_owned(), unit }),
        }
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Some(unit) => write!(f, "{}.{unit}", self.device),
            None => f.write_str(&self.device),
        }
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("an interface name can't be empty"),
            Self::BadUnit(unit) => write!(f, "`{unit}` is not a unit number"),
            Self::BadCharacter(c) => write!(f, "`{c}` can't stand in an interface name"),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_unit_means_unit_zero() {
        let name: InterfaceName = "ge-0/0/0".parse().unwrap();
        assert_eq!(name.unit_name(), "ge-0/0/0.0");
        assert_eq!(name.linux_device(), "ge-0-0-0");
    }

    #[test]
    fn a_bad_unit_is_refused() {
        assert_eq!("ge-0/0/0.x".parse::<InterfaceName>(), Err(NameError::BadUnit("x".into())));
        assert_eq!(".1".parse::<InterfaceName>(), Err(NameError::Empty));
    }
}
