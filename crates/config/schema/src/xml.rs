//! Junos XML: `<configuration>` with an element a statement.
//!
//! Spec: language-17..21, language-23.

use std::fmt::Write;

use quick_xml::Reader;
use quick_xml::events::attributes::Attribute;
use quick_xml::events::{BytesStart, Event};
use ravelin_syntax::{Change, Diagnostic, NESTING_MAX, Span, Tags, Tree, Word};

use crate::bind::Bound;
use crate::element::{Element, STATEMENT, Shape, bound, elements};

/// Elements deeper than this are refused: envelopes, braces and a leaf's own.
const DEPTH_MAX: usize = NESTING_MAX + 8;
/// Characters of a reference that is told to be none.
const SHOWN_MAX: usize = 40;
const JUNOS: &str = "http://xml.juniper.net/junos/24.4R1/junos";

/// A tree as XML.
#[must_use]
pub fn write(tree: &Tree) -> String {
    let mut out =
        format!("<configuration xmlns:junos=\"{JUNOS}\" xmlns:ravelin=\"urn:ravelin:configuration\">\n");
    for element in elements(&tree.nodes) {
        one(&mut out, &element, 1);
    }
    out.push_str("</configuration>\n");
    out
}

fn one(out: &mut String, element: &Element, depth: usize) {
    let Element { name, tags, value, children, shape, span: _, order: _ } = element;
    let pad = "    ".repeat(depth);
    for comment in &tags.comments {
        let _ = writeln!(out, "{pad}<junos:comment>{}</junos:comment>", escaped(comment));
    }
    let _ = write!(out, "{pad}<{name}");
    for (set, mark) in [(tags.inactive, "inactive"), (tags.protect, "protect")] {
        if set {
            let _ = write!(out, " {mark}=\"{mark}\"");
        }
    }
    let words = if name == STATEMENT { value.as_deref() } else { None };
    if let Some(words) = words {
        let _ = write!(out, " words=\"{}\"", escaped(words).replace('"', "&quot;"));
    }
    match (value, children.is_empty()) {
        (Some(value), _) if words.is_none() => {
            let _ = writeln!(out, ">{}</{name}>", escaped(value));
        }
        (_, true) => {
            let _ = writeln!(out, "{}", if *shape == Shape::Flag || words.is_some() { "/>" } else { ">" });
            if *shape != Shape::Flag && words.is_none() {
                let _ = writeln!(out, "{pad}</{name}>");
            }
        }
        (_, false) => {
            out.push_str(">\n");
            children.iter().for_each(|child| one(out, child, depth + 1));
            let _ = writeln!(out, "{pad}</{name}>");
        }
    }
}

/// Text that is read back as it was: spaces at the ends and control characters as references.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let inner = text.trim_start().len();
    let start = text.len() - inner;
    let end = text.trim_end().len().max(start);
    for (at, c) in text.char_indices() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c if c.is_control() || (c.is_whitespace() && (at < start || at >= end)) => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// The statements of an XML text below `base`. Envelopes around `<configuration>` are looked through.
pub(crate) fn read(text: &str, base: &[Word]) -> Bound {
    let mut builder = Builder::default();
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut place = Place { text, offset: 0, span: Span { line: 1, column: 1 } };
    loop {
        let span = place.at(reader.buffer_position() as usize);
        match reader.read_event() {
            Ok(Event::Eof) => break,
            Ok(event) => builder.event(event, span),
            Err(error) => {
                let at = place.at(reader.error_position() as usize);
                builder.error(at, &format!("syntax error, {error}"));
                break;
            }
        }
        if builder.diagnostics.len() >= ravelin_syntax::DIAGNOSTICS_MAX {
            break;
        }
    }
    let (elements, diagnostics) = builder.finish();
    bound(elements, base, diagnostics)
}

/// Line and column of places that only go forward.
struct Place<'a> {
    text: &'a str,
    offset: usize,
    span: Span,
}

impl Place<'_> {
    fn at(&mut self, offset: usize) -> Span {
        for c in self.text.get(self.offset..offset).unwrap_or("").chars() {
            if c == '\n' {
                self.span.line += 1;
                self.span.column = 1;
            } else {
                self.span.column += 1;
            }
        }
        self.offset = self.offset.max(offset);
        self.span
    }
}

#[derive(Default)]
struct Builder {
    /// Elements that are open; the first are envelopes.
    stack: Vec<Open>,
    done: Vec<Element>,
    comments: Vec<String>,
    diagnostics: Vec<Diagnostic>,
    skipping: usize,
}

#[derive(Default)]
struct Open {
    element: Element,
    /// What of the value mustn't be trimmed: it came as a reference.
    kept: (usize, usize),
    envelope: bool,
}

impl Builder {
    fn error(&mut self, span: Span, message: &str) {
        self.diagnostics.push(Diagnostic::error("", span, message));
    }

    fn event(&mut self, event: Event<'_>, span: Span) {
        if self.skipping > 0 {
            match event {
                Event::Start(_) => self.skipping += 1,
                Event::End(_) => self.skipping -= 1,
                _ => {}
            }
            return;
        }
        match event {
            Event::Start(start) => self.start(&start, span),
            Event::End(_) => self.end(),
            Event::Text(text) => self.text(&text),
            Event::CData(text) => self.kept_text(&text),
            Event::GeneralRef(reference) => match resolved(&reference) {
                Some(c) => self.kept_text(c.encode_utf8(&mut [0; 4])),
                None => self.error(span, &format!("unknown entity `&{};'", &*reference)),
            },
            // Expanded above, so that there is none.
            Event::Empty(_) => {}
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, span: Span) {
        if self.stack.len() >= DEPTH_MAX {
            self.error(span, "statements are nested too deep");
            self.skipping = 1;
            return;
        }
        let qualified = start.name();
        let name = local(qualified.as_ref()).to_owned();
        let above = self.stack.iter().all(|open| open.envelope);
        // What the shell says of itself stands behind the configuration.
        if above && name == "cli" && self.stack.last().is_some_and(|open| open.element.name == "rpc-reply") {
            self.skipping = 1;
            return;
        }
        let envelope = above && ENVELOPES.contains(&name.as_str());
        let mut open = Open { envelope, ..Open::default() };
        open.element = Element { name, span, ..Element::default() };
        for attribute in start.attributes().filter(|_| !envelope) {
            match attribute {
                Ok(attribute) => self.attribute(&mut open.element, &attribute, span),
                Err(error) => self.error(span, &format!("syntax error, {error}")),
            }
        }
        if open.element.name != "comment" {
            open.element.tags.comments = std::mem::take(&mut self.comments);
        }
        self.stack.push(open);
    }

    fn attribute(&mut self, element: &mut Element, attribute: &Attribute<'_>, span: Span) {
        let key: &str = attribute.key.as_ref();
        let value = unescaped(&attribute.value).unwrap_or_else(|unknown| {
            self.error(span, &format!("unknown entity `{unknown}'"));
            String::new()
        });
        let Tags { inactive, protect, change, comments: _ } = &mut element.tags;
        match (local(key), value.as_str()) {
            _ if key.starts_with("xmlns") || key.starts_with("junos:") || key.starts_with("xml:") => {}
            ("words", _) if element.name == local(STATEMENT) => {
                element.name = STATEMENT.to_owned();
                element.value = Some(value);
            }
            ("inactive", "inactive" | "true") => *inactive = true,
            ("active", "active" | "true") | ("inactive", "false") => *change = Change::Activate,
            ("protect", "protect" | "true") => *protect = true,
            ("unprotect", "unprotect" | "true") | ("protect", "false") => *change = Change::Unprotect,
            ("delete", "delete") | ("operation", "delete" | "remove") => *change = Change::Delete,
            ("replace", "replace") | ("operation", "replace" | "create") => *change = Change::Replace,
            ("operation", "merge" | "none") | ("changed", _) => {}
            ("insert", "before") => element.order.get_or_insert_default().verb = "before",
            ("insert", "after") => element.order.get_or_insert_default().verb = "after",
            ("rename", "rename") => element.order.get_or_insert_default().verb = "rename",
            // The keys of the other entry, whichever attribute comes first.
            (key, _) if !["insert", "rename", "operation", "delete", "replace"].contains(&key) => {
                element.order.get_or_insert_default().keys.push((key.to_owned(), value));
            }
            _ => {
                let message = format!("attribute `{key}=\"{value}\"' is not supported");
                self.error(span, &message);
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some(open) = self.stack.last_mut() {
            // References come apart from text, so that none is left in it.
            let text = text.replace("\r\n", "\n");
            open.element.value.get_or_insert_default().push_str(&text);
        }
    }

    fn kept_text(&mut self, text: &str) {
        if let Some(open) = self.stack.last_mut() {
            let value = open.element.value.get_or_insert_default();
            if open.kept.1 == 0 {
                open.kept.0 = value.len();
            }
            value.push_str(text);
            open.kept.1 = value.len();
        }
    }

    fn end(&mut self) {
        let Some(open) = self.stack.pop() else { return };
        let Open { mut element, kept, envelope } = open;
        if element.name != STATEMENT {
            element.value = element.value.map(|v| trimmed(&v, kept));
        }
        if element.name == "comment" {
            self.comments.extend(element.value);
            return;
        }
        if envelope {
            self.done.append(&mut element.children);
            return;
        }
        // Text between elements is layout.
        if !element.children.is_empty() && element.value.as_deref() == Some("") {
            element.value = None;
        }
        match self.stack.last_mut() {
            Some(parent) => parent.element.children.push(element),
            None => self.done.push(element),
        }
    }

    fn finish(mut self) -> (Vec<Element>, Vec<Diagnostic>) {
        if let Some(open) = self.stack.last() {
            let (span, name) = (open.element.span, open.element.name.clone());
            self.error(span, &format!("syntax error, `<{name}>' is not closed"));
        }
        while !self.stack.is_empty() {
            self.end();
        }
        (self.done, self.diagnostics)
    }
}

const ENVELOPES: [&str; 4] = ["rpc-reply", "configuration", "config", "data"];

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// Without the white space at the ends, as far as it was written as such.
fn trimmed(value: &str, (low, high): (usize, usize)) -> String {
    if high == 0 {
        return value.trim().to_owned();
    }
    format!("{}{}{}", value[..low].trim_start(), &value[low..high], value[high..].trim_end())
}

/// The value of an attribute: white space as it stands is a space, a reference what it says, in whatever characters.
///
/// # Errors
/// What is no reference that is known.
fn unescaped(raw: &str) -> Result<String, String> {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('&') {
        let (before, reference) = rest.split_at(at);
        out.extend(before.chars().map(spaced));
        let end = reference.find(';').map_or(reference.len(), |end| end + 1);
        let (reference, after) = reference.split_at(end);
        let name = reference.strip_prefix('&').and_then(|name| name.strip_suffix(';'));
        out.push(
            name.and_then(resolved).ok_or_else(|| reference.chars().take(SHOWN_MAX).collect::<String>())?,
        );
        rest = after;
    }
    out.extend(rest.chars().map(spaced));
    Ok(out)
}

fn spaced(c: char) -> char {
    if matches!(c, '\t' | '\n' | '\r') { ' ' } else { c }
}

fn resolved(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}
