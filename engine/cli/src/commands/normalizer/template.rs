use defacto_componentize::World;

use super::language::Language;

/// The name that every template of a world has in place of the module's.
pub(super) const fn name(world: World) -> &'static str {
    match world {
        World::Normalizer => "my_normalizer",
        World::Functions => "my_functions",
    }
}

/// A file: its path in the module's folder, and its text.
type File = (&'static str, &'static str);

/// Files of a folder below `sdk/templates`.
macro_rules! files {
    ($language:literal: $($path:literal)*) => {
        &[$((
            $path,
            include_str!(concat!("../../../../../sdk/templates/", $language, "/", $path)),
        )),*]
    };
}

/// The crate `defacto-sdk`, which comes with this binary so that the two speak of the same contract.
macro_rules! sdk {
    ($($path:literal)*) => {
        &[
            ("defacto-sdk/Cargo.toml", include_str!("../../../../../sdk/rust/standalone.toml")),
            $((
                concat!("defacto-sdk/", $path),
                include_str!(concat!("../../../../../sdk/rust/", $path)),
            )),*
        ]
    };
}

const SDK: &[File] = sdk! {
    "README.md" "src/allocator.rs" "src/bindings.rs" "src/event.rs" "src/exports.rs" "src/failure.rs"
    "src/function_bindings.rs" "src/functions.rs" "src/host.rs" "src/lib.rs" "src/macros.rs" "src/module.rs" "src/normalizer.rs" "src/record.rs" "src/testing.rs"
    "src/testing/functions.rs" "src/testing/host.rs" "src/testing/outcome.rs" "src/timestamp.rs" "src/value.rs"
    "wit/functions.wit" "wit/normalizer.wit" "wit/types.wit"
};

/// Where the template's manifest looks for the crate, and where it is in a module's folder.
const SDK_PATH: (&str, &str) = ("path = \"../../rust\"", "path = \"defacto-sdk\"");

const RUST: &[File] = files! { "rust":
    ".gitignore" "Cargo.lock" "Cargo.toml" "README.md" "cases/gateway.expected.jsonl" "cases/gateway.txt" "normalizer.toml"
    "src/lib.rs"
};

/// Functions, which have a template in Rust alone.
const FUNCTIONS: &[File] = files! { "functions":
    ".gitignore" "Cargo.lock" "Cargo.toml" "README.md" "cases/calls.jsonl" "functions.toml" "src/lib.rs"
};

const C: &[File] = files! { "c":
    "README.md" "bindings/component_type.c" "bindings/normalizer.c" "bindings/normalizer.h" "cases/gateway.expected.jsonl"
    "cases/gateway.txt" "defacto.h" "gateway.c" "normalizer.toml"
};

const GO: &[File] = files! { "go":
    "README.md" "cases/gateway.expected.jsonl" "cases/gateway.txt" "defacto/abi.go" "defacto/defacto.go" "defacto/host.go"
    "gateway.go" "gateway_test.go" "go.mod" "normalizer.toml"
};

const PYTHON: &[File] = files! { "python":
    ".gitignore" "README.md" "cases/gateway.expected.jsonl" "cases/gateway.txt" "normalizer.toml" "requirements.txt"
    "src/app.py" "src/gateway.py" "test_gateway.py"
};

const JAVASCRIPT: &[File] = files! { "javascript":
    ".gitignore" "README.md" "cases/gateway.expected.jsonl" "cases/gateway.txt" "gateway.js" "gateway.test.js"
    "normalizer.js" "normalizer.toml" "package.json"
};

const ASSEMBLYSCRIPT: &[File] = files! { "assemblyscript":
    ".gitignore" "README.md" "assembly/defacto.ts" "assembly/gateway.ts" "assembly/index.ts" "assembly/tsconfig.json"
    "cases/gateway.expected.jsonl" "cases/gateway.txt" "normalizer.toml" "package.json"
};

/// The files of a new module.
pub(super) fn files(language: Language, world: World) -> Vec<(&'static str, String)> {
    let (own, more): (&[File], &[File]) = match language {
        _ if world == World::Functions => (FUNCTIONS, SDK),
        Language::Rust => (RUST, SDK),
        Language::C => (C, &[]),
        Language::Go => (GO, &[]),
        Language::Python => (PYTHON, &[]),
        Language::Javascript => (JAVASCRIPT, &[]),
        Language::Assemblyscript => (ASSEMBLYSCRIPT, &[]),
    };
    own.iter()
        .map(|(path, text)| (*path, text.replace(SDK_PATH.0, SDK_PATH.1)))
        .chain(more.iter().map(|(path, text)| (*path, (*text).to_owned())))
        .collect()
}
