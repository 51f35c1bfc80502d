use defacto_syntax::{BinaryOp, Expr, ExprKind, Literal, Root, UnaryOp, parse};

/// Fully bracketed form, so that precedence shows.
fn shape(expr: &Expr) -> String {
    match &expr.kind {
        ExprKind::Literal(Literal::Null) => "null".to_owned(),
        ExprKind::Literal(Literal::Bool(value)) => value.to_string(),
        ExprKind::Literal(Literal::Int(value)) => value.to_string(),
        ExprKind::Literal(Literal::Float(value)) => format!("{value:?}"),
        ExprKind::Literal(Literal::String(value)) => format!("{value:?}"),
        ExprKind::Literal(Literal::Duration(value)) => format!("{value}us"),
        ExprKind::Path { root, segments } => {
            let mut text = match root {
                Root::Event => "event",
                Root::Entity => "entity",
                Root::Value => "value",
                Root::Unknown(name) => name,
            }
            .to_owned();
            for segment in segments {
                text += ".";
                text += &segment.text;
            }
            text
        }
        ExprKind::Member(base, segment) => format!("<{}.{}>", shape(base), segment.text),
        ExprKind::Index(base, index) => format!("<{}[{}]>", shape(base), shape(index)),
        ExprKind::Unary(UnaryOp::Not, inner) => format!("<not {}>", shape(inner)),
        ExprKind::Unary(UnaryOp::Neg, inner) => format!("<-{}>", shape(inner)),
        ExprKind::Binary(operator, left, right) => {
            let sign = match operator {
                BinaryOp::Or => "or",
                BinaryOp::And => "and",
                BinaryOp::Eq => "==",
                BinaryOp::Ne => "!=",
                BinaryOp::Lt => "<",
                BinaryOp::Le => "<=",
                BinaryOp::Gt => ">",
                BinaryOp::Ge => ">=",
                BinaryOp::Add => "+",
                BinaryOp::Sub => "-",
                BinaryOp::Mul => "*",
                BinaryOp::Div => "/",
                BinaryOp::Rem => "%",
                BinaryOp::Pow => "**",
            };
            format!("<{} {sign} {}>", shape(left), shape(right))
        }
        ExprKind::If(a, b, c) => format!("<if {} {} {}>", shape(a), shape(b), shape(c)),
        ExprKind::Call { name, args, .. } => {
            format!("{name}({})", args.iter().map(shape).collect::<Vec<_>>().join(", "))
        }
        ExprKind::Paren(inner) => format!("({})", shape(inner)),
    }
}

#[test]
fn precedence_and_forms() {
    let cases = [
        ("-2 ** 2", "<<-2> ** 2>"),
        ("2 ** 3 ** 2", "<2 ** <3 ** 2>>"),
        ("2 ** -3", "<2 ** <-3>>"),
        ("not a == b", "<<not a> == b>"),
        ("not (a == b)", "<not (<a == b>)>"),
        ("1 + if c then 1 else 2 + 3", "<1 + <if c 1 <2 + 3>>>"),
        ("event.user-id", "<event.user - id>"),
        ("5 - -3", "<5 - <-3>>"),
        ("--1", "<-<-1>>"),
        ("1 - 2 - 3", "<<1 - 2> - 3>"),
        ("a || b && c == d < e + f * g", "<a or <b and <c == <d < <e + <f * g>>>>>>"),
        ("1 < 2 == true", "<<1 < 2> == true>"),
        ("not(true)", "<not (true)>"),
        ("nottrue", "nottrue"),
        ("if(a)then(b)else(c)", "<if (a) (b) (c)>"),
        ("3or true", "<3 or true>"),
        ("if true then 3else 4.5or x", "<if true 3 <4.5 or x>>"),
        ("event.items.0.id", "event.items.0.id"),
        ("event.not.if", "event.not.if"),
        ("event.a[0].b.1.c[x]", "<<<<<event.a[0]>.b>.1>.c>[x]>"),
        ("(a).b", "<(a).b>"),
        ("f (x) .y", "<f(x).y>"),
        ("str::trim( a , )", "str::trim(a)"),
        ("now()", "now()"),
        ("'a\\'\\n\\\\'", "\"a'\\n\\\\\""),
        ("r'\\d+\"'", "\"\\\\d+\\\"\""),
        ("r", "r"),
        ("007", "7"),
        ("1d12h", "129600000000us"),
        ("1w - 1s", "<604800000000us - 1000000us>"),
        ("10 % 3", "<10 % 3>"),
        ("!a\n&&\u{a0}b", "<<not a> and b>"),
    ];
    for (text, wanted) in cases {
        assert_eq!(shape(&parse(text).expect(text)), wanted, "{text}");
    }
}

#[test]
fn ranges_cover_the_text() {
    let text = " (event.a) + str::trim( 'x' )[0] ";
    let ExprKind::Binary(_, left, right) = parse(text).unwrap().kind else { panic!() };
    let slice = |expr: &Expr| {
        &text[usize::try_from(expr.range.start).unwrap()..usize::try_from(expr.range.end).unwrap()]
    };
    assert_eq!(slice(&left), "(event.a)");
    assert_eq!(slice(&right), "str::trim( 'x' )[0]");
    let ExprKind::Paren(path) = left.kind else { panic!() };
    let ExprKind::Path { segments, .. } = path.kind else { panic!() };
    assert_eq!((segments[0].range.start, segments[0].range.end), (8, 9));
}
