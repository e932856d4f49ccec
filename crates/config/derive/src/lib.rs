//! Derive that lowers a configuration tree into typed structs.
//!
//! Every field says where it comes from, as a keyword path below the struct's own statement:
//! `key` or `key = N` (nth argument), `at` (the span), `leaf`, `flag`, `leaves`, `list`, `presence` and `container`
//! (all `= "path"`), `runs` (a list that may be long), `flatten` (the same statement again), `with(function, "path"...)`
//! for what has a shape of its own and `need(function, "path"...)` when the function may find nothing and the struct
//! can't be without. The paths a struct names are what it covers; `Lower::covered` lists them.

use proc_macro2::TokenStream;
use quote::quote;
use syn::punctuated::Punctuated;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, LitInt, LitStr, Token, parse_macro_input};

#[proc_macro_derive(Lower, attributes(lower))]
pub fn derive_lower(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    expand(&input).unwrap_or_else(Error::into_compile_error).into()
}

/// What one field contributes: how it is read, how it enters the struct, what it covers.
struct Part {
    read: TokenStream,
    build: TokenStream,
    covers: TokenStream,
}

fn expand(input: &DeriveInput) -> Result<TokenStream, Error> {
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => &fields.named,
            other => return Err(Error::new_spanned(other, "Lower needs named fields")),
        },
        Data::Enum(_) | Data::Union(_) => return Err(Error::new_spanned(input, "Lower is for structs")),
    };
    let parts = fields.iter().map(part).collect::<Result<Vec<_>, _>>()?;
    let name = &input.ident;
    let reads = parts.iter().map(|p| &p.read);
    let builds = parts.iter().map(|p| &p.build);
    let covers = parts.iter().map(|p| &p.covers);
    Ok(quote! {
        impl ::ravelin_schema::Lower for #name {
            fn lower(node: &::ravelin_syntax::Node, cx: &mut ::ravelin_schema::Cx) -> Option<Self> {
                #(#reads)*
                Some(Self { #(#builds,)* })
            }

            fn covered(prefix: &str, out: &mut Vec<String>) {
                #(#covers)*
            }
        }
    })
}

fn part(field: &Field) -> Result<Part, Error> {
    let name = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a field needs a name"))?;
    let ty = &field.ty;
    let attribute = field.attrs.iter().find(|a| a.path().is_ident("lower"));
    let attribute = attribute.ok_or_else(|| Error::new_spanned(field, "every field needs #[lower(...)]"))?;
    let mut found = None;
    attribute.parse_nested_meta(|meta| {
        let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        found = Some(match word.as_str() {
            "key" => {
                let index: usize = if meta.input.peek(Token![=]) {
                    meta.value()?.parse::<LitInt>()?.base10_parse()?
                } else {
                    0
                };
                needed(name, quote!(::ravelin_schema::lower::key(node, #index, cx)), TokenStream::new())
            }
            "at" => plain(name, quote!(node.span), TokenStream::new()),
            "flatten" => needed(
                name,
                quote!(<#ty as ::ravelin_schema::Lower>::lower(node, cx)),
                quote!(<#ty as ::ravelin_schema::Lower>::covered(prefix, out);),
            ),
            "with" | "need" => {
                let content;
                syn::parenthesized!(content in meta.input);
                let function: Expr = content.parse()?;
                let _ = content.parse::<Option<Token![,]>>()?;
                let paths = Punctuated::<LitStr, Token![,]>::parse_terminated(&content)?;
                let paths = paths.iter();
                let covers = quote!(#(out.push(::ravelin_schema::lower::join(prefix, #paths));)*);
                let read = quote!(#function(node, cx));
                if word == "with" { plain(name, read, covers) } else { needed(name, read, covers) }
            }
            _ => {
                let path: LitStr = meta.value()?.parse()?;
                by_path(name, ty, &word, &path).ok_or_else(|| meta.error("unknown kind of field"))?
            }
        });
        Ok(())
    })?;
    found.ok_or_else(|| Error::new_spanned(attribute, "where does the field come from?"))
}

fn by_path(name: &syn::Ident, ty: &syn::Type, kind: &str, path: &LitStr) -> Option<Part> {
    let itself = quote!(out.push(::ravelin_schema::lower::join(prefix, #path)););
    let inner =
        |item: TokenStream| quote!(#item::covered(&::ravelin_schema::lower::join(prefix, #path), out););
    let lowers = quote!(<<#ty as IntoIterator>::Item as ::ravelin_schema::Lower>);
    Some(match kind {
        "leaf" => plain(name, quote!(::ravelin_schema::lower::leaf(node, #path, cx)), itself),
        "leaves" => plain(name, quote!(::ravelin_schema::lower::leaves(node, #path, cx)), itself),
        "few" => plain(name, quote!(::ravelin_schema::lower::few(node, #path, cx)), itself),
        "flag" => plain(name, quote!(::ravelin_schema::lower::flag(node, #path)), itself),
        "list" => {
            let below = inner(lowers);
            plain(name, quote!(::ravelin_schema::lower::list(node, #path, cx)), quote!(#itself #below))
        }
        "runs" => {
            let below = inner(quote!(<#ty>));
            plain(name, quote!(::ravelin_schema::lower::runs(node, #path, cx)), quote!(#itself #below))
        }
        "presence" => {
            let below = inner(lowers);
            plain(name, quote!(::ravelin_schema::lower::presence(node, #path, cx)), quote!(#itself #below))
        }
        "container" => {
            let below = inner(quote!(<#ty as ::ravelin_schema::Lower>));
            let read = quote!(::ravelin_schema::lower::presence::<#ty>(node, #path, cx).unwrap_or_default());
            plain(name, read, below)
        }
        _ => return None,
    })
}

fn plain(name: &syn::Ident, read: TokenStream, covers: TokenStream) -> Part {
    Part { read: quote!(let #name = #read;), build: quote!(#name), covers }
}

/// Read before anything is given up, so that all errors of a statement are found.
fn needed(name: &syn::Ident, read: TokenStream, covers: TokenStream) -> Part {
    Part { read: quote!(let #name = #read;), build: quote!(#name: #name?), covers }
}
