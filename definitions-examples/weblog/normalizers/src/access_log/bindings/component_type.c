/* The bindings link an object that holds the world's type; `defacto normalizer build` writes that type itself. */
void __component_type_object_force_link_normalizer(void);
void __component_type_object_force_link_normalizer(void) {}
