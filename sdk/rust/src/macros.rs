/// Declares a module: its name and version, and the events that it makes.
///
/// ```
/// # use defacto_sdk::{Config, Events, Failure, Json, Normalizer, Record, Timestamp};
/// defacto_sdk::normalizer! {
///     normalizer Shop = "shop", version env!("CARGO_PKG_VERSION");
///
///     /// Somebody ordered.
///     event Ordered = "ordered" {
///         /// Number on the receipt.
///         number: String,
///         total: Option<f64>,
///         due: Timestamp,
///         lines: Json,
///     }
///
///     event Paid = "paid" { number: String }
/// }
///
/// pub struct Shop;
/// # impl Normalizer for Shop {
/// #     fn configure(_: &Config<'_>) -> Result<Self, String> { Ok(Self) }
/// #     fn normalize(&self, _: Record<'_>, events: &mut Events) -> Result<(), Failure> {
/// #         events.push(Timestamp::from_seconds(0).unwrap(), Paid { number: "1".into() });
/// #         Ok(())
/// #     }
/// # }
/// # assert_eq!(defacto_sdk::testing::Host::<Shop>::new().text(&[""])[0].events()[0].event_type, "paid");
/// ```
///
/// - `Shop` is your type with the trait [`Normalizer`](crate::Normalizer). Make it `pub`: outside of WebAssembly nothing else uses it.
/// - Every `event` becomes a struct with public fields; [`Events::push`](crate::Events::push) takes it. Its name after `=` is the
///   event's type in definitions, the fields' names are those in definitions.
/// - A field has any type with the trait [`FieldValue`](crate::FieldValue): `String`, `f64`, `i64`, `bool`,
///   [`Timestamp`](crate::Timestamp), [`Json`](crate::Json), or an `Option` of one.
/// - Documentation of events and fields becomes their `description`.
///
/// One module has one `normalizer!`.
#[macro_export]
macro_rules! normalizer {
    (
        normalizer $module:ident = $name:literal, version $version:expr;
        $(
            $(#[doc = $about:literal])*
            event $event:ident = $type:literal {
                $( $(#[doc = $field_about:literal])* $field:ident : $kind:ty ),* $(,)?
            }
        )*
    ) => {
        $(
            $(#[doc = $about])*
            #[derive(Debug, Clone, PartialEq)]
            pub struct $event {
                $( $(#[doc = $field_about])* pub $field: $kind, )*
            }
        )*

        const _: () = {
            #[derive(Clone, Copy)]
            #[allow(dead_code, reason = "a module may have no events yet")]
            enum Index { $($event),* }

            $(
                impl $crate::Event for $event {
                    const TYPE: $crate::EventType = $crate::EventType::new(
                        $type,
                        concat!($($about, "\n"),*),
                        &[$(
                            $crate::Field::new(
                                stringify!($field),
                                concat!($($field_about, "\n"),*),
                                <$kind as $crate::FieldValue>::TYPE,
                            )
                        ),*],
                    );
                    const INDEX: u32 = Index::$event as u32;

                    #[inline]
                    #[allow(unused_variables, reason = "an event may have no fields")]
                    fn write(self, values: &mut ::std::vec::Vec<$crate::Value>) {
                        $(values.push($crate::FieldValue::into_value(self.$field));)*
                    }
                }
            )*

            impl $crate::__private::Module for $module {
                const NAME: &'static str = $name;
                const VERSION: &'static str = $version;
                const EVENTS: &'static [$crate::EventType] =
                    &[$(<$event as $crate::Event>::TYPE),*];
            }
        };

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{Allocator, Exports};

            #[global_allocator]
            static ALLOCATOR: Allocator = Allocator::new();

            ::std::thread_local! {
                static EXPORTS: ::std::cell::RefCell<Exports<$module>> =
                    const { ::std::cell::RefCell::new(Exports::new()) };
            }

            #[unsafe(export_name = "describe")]
            unsafe extern "C" fn describe(config: *mut u8, bytes: usize) -> *const u8 {
                // SAFETY: the engine is the caller.
                EXPORTS.with_borrow_mut(|exports| unsafe { exports.describe(config, bytes) })
            }

            #[unsafe(export_name = "normalize")]
            unsafe extern "C" fn normalize(
                config: *mut u8,
                bytes: usize,
                batch: *mut u8,
                count: usize,
            ) -> *const u8 {
                let (config, batch) = ((config, bytes), (batch, count));
                // SAFETY: the engine is the caller.
                EXPORTS.with_borrow_mut(|exports| unsafe { exports.normalize(config, batch) })
            }

            #[unsafe(export_name = "cabi_post_describe")]
            extern "C" fn described(_answer: *const u8) {
                EXPORTS.with_borrow_mut(Exports::read);
            }

            #[unsafe(export_name = "cabi_post_normalize")]
            extern "C" fn normalized(_answer: *const u8) {
                EXPORTS.with_borrow_mut(Exports::read);
            }
        };
    };
}

/// Declares a module of functions that expressions of definitions may call, and the functions themselves.
///
/// ```
/// defacto_sdk::functions! {
///     functions Geo = "geo", version "1.0.0";
///
///     /// The country of an address, where it is known.
///     fn country(address: String) -> Option<String> {
///         defacto_sdk::host::lookup("countries", &address)
///     }
///
///     /// Kilometres on the surface of the earth.
///     fn distance(from_lat: f64, to_lat: f64) -> Result<f64, String> {
///         if from_lat.abs() > 90.0 || to_lat.abs() > 90.0 {
///             return Err(format!("{from_lat} and {to_lat} are no latitudes"));
///         }
///         Ok((from_lat - to_lat).abs() * 111.2)
///     }
/// }
///
/// use defacto_sdk::{Value, testing::Functions};
///
/// let host = Functions::<Geo>::new().table("countries", &[("::1", "here")]);
/// assert_eq!(host.call("country", &["::1".into()]), Ok(Value::Text("here".into())));
/// assert_eq!(host.call("country", &["::2".into()]), Ok(Value::Null));
/// assert!(distance(91.0, 0.0).unwrap_err().contains("no latitudes"));
/// ```
///
/// - `Geo` becomes a type that stands for the module. Its name after `=` and its version are for people: expressions call
///   the functions by the name of the file, `functions/geo.wasm` as `geo::country(…)`.
/// - A parameter has a type with the trait [`Argument`](crate::Argument): `String`, `f64`, `i64`, `bool` or
///   [`Timestamp`](crate::Timestamp). A null in its place gives null without a call.
/// - The result is one of these, an `Option` of one, or a `Result` whose error is a sentence: it fails the event at hand.
/// - A result may depend on the arguments and the module's tables, and on nothing else.
///
/// One module has one `functions!`.
#[macro_export]
macro_rules! functions {
    (
        functions $module:ident = $name:literal, version $version:expr;
        $(
            $(#[doc = $about:literal])*
            fn $function:ident($($parameter:ident : $kind:ty),* $(,)?) -> $returns:ty $body:block
        )*
    ) => {
        /// The module, for tests.
        #[derive(Debug, Clone, Copy)]
        pub struct $module;

        $(
            $(#[doc = $about])*
            pub fn $function($($parameter: $kind),*) -> $returns $body
        )*

        impl $crate::FunctionModule for $module {
            const NAME: &'static str = $name;
            const VERSION: &'static str = $version;
            const FUNCTIONS: &'static [$crate::FunctionType] = &[$(
                $crate::FunctionType::new(
                    (stringify!($function), concat!($($about, "\n"),*)),
                    &[$((stringify!($parameter), <$kind as $crate::Argument>::TYPE)),*],
                    <$returns as $crate::Returned>::TYPE,
                    |arguments| {
                        #[allow(unused_mut, unused_variables, reason = "a function may have no parameters")]
                        let mut arguments = arguments.into_iter();
                        $(
                            let $parameter: $kind =
                                $crate::__private::argument(&mut arguments, stringify!($parameter))?;
                        )*
                        $crate::Returned::into_result($function($($parameter),*))
                    },
                ),
            )*];
        }

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            use $crate::__private::{
                Allocator, call_function, describe_functions, export_functions,
            };

            #[global_allocator]
            static ALLOCATOR: Allocator = Allocator::new();

            struct Exports;

            impl $crate::function_bindings::Guest for Exports {
                fn describe() -> ::std::string::String {
                    describe_functions::<$module>()
                }

                fn call(
                    function: u32,
                    batch: ::std::vec::Vec<::std::vec::Vec<$crate::Value>>,
                ) -> ::std::vec::Vec<::std::result::Result<$crate::Value, ::std::string::String>>
                {
                    call_function::<$module>(function, batch)
                }
            }

            export_functions!(Exports with_types_in $crate::function_bindings);
        };
    };
}
