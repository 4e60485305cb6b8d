using OrleansTempo.Core.Otlp.Reading;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>Parses expressions over one span by climbing precedences, and checks the types of operands as it joins them.</summary>
internal sealed class FieldParser(TokenReader reader)
{
    private const string Operand = "a field, a value or (";

    private static readonly Dictionary<string, Value> s_constants = new()
    {
        ["true"] = Value.Boolean(true),
        ["false"] = Value.Boolean(false),
        ["ok"] = Value.Status(StatusCode.Ok),
        ["error"] = Value.Status(StatusCode.Error),
        ["unset"] = Value.Status(StatusCode.Unset),
        ["unspecified"] = Value.Kind(SpanKind.Unspecified),
        ["internal"] = Value.Kind(SpanKind.Internal),
        ["server"] = Value.Kind(SpanKind.Server),
        ["client"] = Value.Kind(SpanKind.Client),
        ["producer"] = Value.Kind(SpanKind.Producer),
        ["consumer"] = Value.Kind(SpanKind.Consumer),
        ["minInt"] = Value.Integer(long.MinValue),
        ["maxInt"] = Value.Integer(long.MaxValue),
    };

    public static QuerySyntaxException ParentRefused(int offset) => new(offset, "parent is not supported; { … } > { … } finds spans by their parents");

    /// <summary>Refuses what breaks a rule, at a token.</summary>
    public static void Check(in Token token, string? error)
    {
        if (error is not null)
            throw new QuerySyntaxException(token.Offset, error);
    }

    public FieldExpression Parse() => Parse(Operators.AnyPrecedence);

    /// <summary>An attribute or an intrinsic.</summary>
    public Field ParseField()
    {
        var token = reader.Current;
        if (token.Kind == TokenKind.Attribute)
            return reader.Take().Attribute!;
        if (token.Kind == TokenKind.Scope)
            return ParseScopedIntrinsic();
        if (token.IsWord("parent"))
            throw ParentRefused(token.Offset);
        if (token.Kind != TokenKind.Word || !Intrinsics.TryFind(token.Text, out var intrinsic))
            throw reader.Unexpected("an attribute or an intrinsic");
        reader.Take();
        return new IntrinsicField(intrinsic.Value);
    }

    /// <summary>The attributes and intrinsics of a list in parentheses.</summary>
    public List<Field> ParseFields()
    {
        reader.Expect("(");
        var fields = new List<Field>();
        do
            fields.Add(ParseField());
        while (reader.TryTake(","));
        reader.Expect(")");
        return fields;
    }

    /// <summary>A value that is written as such, without operators.</summary>
    public Value ParseConstant()
    {
        var token = reader.Current;
        if (token.Kind is TokenKind.Number or TokenKind.Duration or TokenKind.String)
            return reader.Take().Value;
        if (token.Kind != TokenKind.Word || !s_constants.TryGetValue(token.Text, out var constant))
            throw reader.Unexpected("a value");
        reader.Take();
        return constant;
    }

    private FieldExpression Parse(int precedence) => reader.Deeper(() =>
    {
        var left = ParsePrefix();
        while (PrecedenceOf(reader.Current) is { } found && found >= precedence)
        {
            var op = reader.Take();
            if (op.Text is "=" or "!=" && reader.TryTakeWord("nil"))
                left = Exists(op, left);
            else if (op.Text is "&&" or "||")
                left = JoinLogical(op, left);
            else
                left = Join(op, left, Parse(op.Text == "^" ? found : found + 1));
            TokenReader.CheckDepth(left.Depth, op.Offset);
        }

        return left;
    });

    // Of the operators between fields; those between spansets are spelt otherwise or no operators here.
    private static int? PrecedenceOf(in Token token) =>
        token.Kind == TokenKind.Symbol && (token.Text is "&&" or "||" or "=~" or "!~" || Operators.Comparisons.ContainsKey(token.Text) || Operators.Arithmetic.ContainsKey(token.Text)) ? Operators.PrecedenceOf(token.Text) : null;

    private FieldExpression ParsePrefix()
    {
        var token = reader.Current;
        if (reader.TryTake("("))
        {
            var inner = Parse();
            reader.Expect(")");
            return inner;
        }

        if (reader.TryTake("-"))
        {
            var operand = Parse(Operators.Not);
            Check(token, TypeRules.OfNegation(operand));
            TokenReader.CheckDepth(operand.Depth + 1, token.Offset);
            return operand is Literal number ? new Literal(ValueArithmetic.Negate(number.Value)) : new Negation(operand);
        }

        if (reader.TryTake("!"))
        {
            var operand = Parse(Operators.Product);
            Check(token, TypeRules.OfCondition(operand));
            TokenReader.CheckDepth(operand.Depth + 1, token.Offset);
            return new Not(operand);
        }

        if (reader.TryTakeWord("nil"))
            return ParseAfterNil();
        if (token.Kind is TokenKind.Number or TokenKind.Duration or TokenKind.String || (token.Kind == TokenKind.Word && s_constants.ContainsKey(token.Text)))
            return new Literal(ParseConstant());
        if (token.Kind is TokenKind.Attribute or TokenKind.Scope or TokenKind.Word && !IsUnknown(token))
            return ParseField();
        throw IsUnknown(token) ? new QuerySyntaxException(token.Offset, $"unknown name {token}: attributes begin with a point, .{token}, or a scope, span.{token}") : reader.Unexpected(Operand);
    }

    private static bool IsUnknown(in Token token) => token.Kind == TokenKind.Word && token.Text != "parent" && !Intrinsics.TryFind(token.Text, out _);

    // nil = a; two nils are neither equal nor different.
    private FieldExpression ParseAfterNil()
    {
        var op = reader.Current;
        if (!reader.TryTake("=") && !reader.TryTake("!="))
            throw reader.Unexpected("= or != after nil");
        return reader.TryTakeWord("nil") ? new Literal(Value.Boolean(false)) : Exists(op, Parse(Operators.Sum));
    }

    private static Existence Exists(in Token op, FieldExpression operand)
    {
        var isPresent = op.Text == "!=";
        if (!isPresent)
            Check(op, TypeRules.OfAbsence(operand));
        return new Existence(operand, isPresent);
    }

    private IntrinsicField ParseScopedIntrinsic()
    {
        var scope = reader.Take();
        var name = reader.Current;
        if (name.Kind != TokenKind.Word || !Intrinsics.TryFind(scope.Text + name.Text, out var intrinsic))
            throw reader.Unexpected($"the name of an intrinsic of {scope}");
        reader.Take();
        return new IntrinsicField(intrinsic.Value);
    }

    private static FieldExpression Join(in Token op, FieldExpression left, FieldExpression right)
    {
        if (op.Text is "=~" or "!~")
        {
            Check(op, TypeRules.OfRegex(left, right));
            var pattern = ((Literal)right).Value.Text;
            if (!Re2.TryCompileAnchored(pattern, out var regex, out var error))
                throw new QuerySyntaxException(op.Offset, $"invalid regular expression: {error}");
            return new RegexMatch(left, op.Text == "!~", pattern, regex);
        }

        if (Operators.Arithmetic.TryGetValue(op.Text, out var arithmetic))
        {
            Check(op, TypeRules.OfArithmetic(left, right));
            return new Arithmetic(arithmetic, left, right);
        }

        var comparison = Operators.Comparisons[op.Text];
        Check(op, TypeRules.OfComparison(comparison, left, right));
        return new Comparison(comparison, left, right);
    }

    // As many operands as the same operator joins.
    private Logical JoinLogical(Token op, FieldExpression left)
    {
        var isAnd = op.Text == "&&";
        List<FieldExpression> operands = [.. OperandsOf(isAnd, left)];
        Check(op, TypeRules.OfCondition(left));
        do
        {
            var right = Parse(Operators.Comparison);
            Check(op, TypeRules.OfCondition(right));
            operands.AddRange(OperandsOf(isAnd, right));
        }
        while (reader.TryTake(op.Text));
        return new Logical(isAnd, operands);
    }

    private static IEnumerable<FieldExpression> OperandsOf(bool isAnd, FieldExpression operand) =>
        operand is Logical logical && logical.IsAnd == isAnd ? logical.Operands : [operand];
}
