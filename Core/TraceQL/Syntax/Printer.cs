using System.Text;
using OrleansTempo.Core.TraceQL.Metrics;
using OrleansTempo.Core.TraceQL.Semantics;

namespace OrleansTempo.Core.TraceQL.Syntax;

/// <summary>
/// Writes a query as text, which parses to the same query. Parentheses stand wherever two operators meet, needed or not, but not around comparisons
/// joined by one kind of <c>&amp;&amp;</c> or <c>||</c>.
/// </summary>
internal sealed class Printer
{
    private readonly StringBuilder _text = new();

    private Printer()
    {
    }

    public static string Print(Query query)
    {
        var printer = new Printer();
        if (query.Search is { } pipeline)
            printer.Write(pipeline);
        else
            printer.Write(query.Metrics!);
        if (query.Hints.Count > 0)
            printer._text.Append(" with(").AppendJoin(", ", query.Hints.Select(static hint => $"{hint.Name} = {hint.Value}")).Append(')');
        return printer._text.ToString();
    }

    public static string Print(FieldExpression expression) => Print(printer => printer.Write(expression));

    public static string Print(SpansetExpression expression) => Print(printer => printer.Write(expression));

    public static string Print(Pipeline pipeline) => Print(printer => printer.Write(pipeline));

    public static string Print(Aggregate aggregate) => Print(printer => printer.Write(aggregate));

    public static string Print(MetricsExpression expression) => Print(printer => printer.Write(expression));

    private static string Print(Action<Printer> write)
    {
        var printer = new Printer();
        write(printer);
        return printer._text.ToString();
    }

    private void Write(MetricsExpression expression)
    {
        switch (expression)
        {
            case MetricsConstant constant:
                _text.Append(constant.Value);
                return;
            case MetricsPipeline pipeline:
                Write(pipeline.Spans);
                _text.Append(" | ");
                Write(pipeline.Function);
                break;
            case MetricsMath math:
                WriteSide(math.Left);
                _text.Append(' ').Append(math.Operator.Text()).Append(' ');
                WriteSide(math.Right);
                break;
        }

        foreach (var stage in ((MetricsSeries)expression).Stages)
        {
            if (stage is RankStage rank)
                _text.Append(rank.IsTop ? " | topk(" : " | bottomk(").Append(rank.Count).Append(')');
            else if (stage is ThresholdStage threshold)
                _text.Append(' ').Append(threshold.Operator.Text()).Append(' ').Append(threshold.Threshold);
        }
    }

    private void WriteSide(MetricsExpression side)
    {
        if (side is MetricsConstant)
        {
            Write(side);
            return;
        }

        _text.Append('(');
        Write(side);
        _text.Append(')');
    }

    private void Write(MetricsFunction function)
    {
        if (function is CompareFunction compare)
        {
            _text.Append("compare(");
            Write(compare.Selection);
            if (compare.Start != 0)
                _text.Append(", ").Append(compare.Top).Append(", ").Append(compare.Start).Append(", ").Append(compare.End);
            else if (compare.Top != CompareFunction.DefaultTop)
                _text.Append(", ").Append(compare.Top);
            _text.Append(')');
            return;
        }

        var aggregation = (AggregationFunction)function;
        _text.Append(MetricsParser.Aggregations.First(known => known.Value == aggregation.Aggregation).Key).Append('(').Append(aggregation.Of);
        foreach (var quantile in aggregation.Quantiles)
            _text.Append(", ").Append(PlainDecimal.Format(quantile));
        _text.Append(')');
        if (aggregation.By.Count > 0)
            _text.Append(" by(").AppendJoin(", ", aggregation.By).Append(')');
    }

    private void Write(Pipeline pipeline)
    {
        for (var i = 0; i < pipeline.Stages.Count; i++)
        {
            if (i > 0)
                _text.Append(" | ");
            Write(pipeline.Stages[i]);
        }
    }

    private void Write(PipelineStage stage)
    {
        switch (stage)
        {
            case SpansetStage spansets:
                Write(spansets.Expression);
                break;
            case AggregateStage aggregate:
                Write(aggregate.Aggregate);
                _text.Append(' ').Append(aggregate.Operator.Text()).Append(' ').Append(aggregate.Threshold);
                break;
            case GroupStage group:
                _text.Append("by(");
                Write(group.Key);
                _text.Append(')');
                break;
            case CoalesceStage:
                _text.Append("coalesce()");
                break;
            case SelectStage select:
                _text.Append("select(").AppendJoin(", ", select.Fields).Append(')');
                break;
        }
    }

    private void Write(Aggregate aggregate)
    {
        _text.Append(aggregate.Function.ToString().ToLowerInvariant()).Append('(');
        if (aggregate.Operand is { } operand)
            Write(operand);
        _text.Append(')');
    }

    private void Write(SpansetExpression expression)
    {
        switch (expression)
        {
            case SpansetFilter filter:
                _text.Append("{ ");
                Write(filter.Condition);
                _text.Append(" }");
                break;
            case NestedPipeline nested:
                _text.Append('(');
                Write(nested.Pipeline);
                _text.Append(')');
                break;
            case SpansetOperation operation:
                WriteSide(operation.Left, operation.HasPipeline);
                _text.Append(' ').Append(operation.Operator.Text()).Append(' ');
                WriteSide(operation.Right, operation.HasPipeline);
                break;
        }
    }

    // Beside a pipeline everything is in parentheses.
    private void WriteSide(SpansetExpression side, bool isWrapped)
    {
        if (side is NestedPipeline || (side is SpansetFilter && !isWrapped))
        {
            Write(side);
            return;
        }

        _text.Append('(');
        Write(side);
        _text.Append(')');
    }

    private void Write(FieldExpression expression)
    {
        switch (expression)
        {
            case Literal literal:
                _text.Append(literal.Value);
                break;
            case AttributeField attribute:
                Write(attribute);
                break;
            case IntrinsicField field:
                _text.Append(Intrinsics.NameOf(field.Intrinsic));
                break;
            case Not not:
                _text.Append('!');
                WriteOperand(not.Operand);
                break;
            case Negation negation:
                _text.Append('-');
                WriteOperand(negation.Operand);
                break;
            case Existence existence:
                WriteOperand(existence.Operand);
                _text.Append(existence.IsPresent ? " != nil" : " = nil");
                break;
            case Logical logical:
                Write(logical);
                break;
            case Comparison comparison:
                WriteBinary(comparison.Left, comparison.Operator.Text(), comparison.Right);
                break;
            case RegexMatch match:
                WriteOperand(match.Operand);
                _text.Append(match.IsNegated ? " !~ " : " =~ ").Append(QuotedText.Write(match.Pattern));
                break;
            case Arithmetic arithmetic:
                WriteBinary(arithmetic.Left, arithmetic.Operator.Text(), arithmetic.Right);
                break;
        }
    }

    private void Write(Logical logical)
    {
        for (var i = 0; i < logical.Operands.Count; i++)
        {
            if (i > 0)
                _text.Append(logical.IsAnd ? " && " : " || ");
            if (logical.Operands[i] is Logical inner)
                WriteInParentheses(inner);
            else
                Write(logical.Operands[i]);
        }
    }

    private void WriteBinary(FieldExpression left, string op, FieldExpression right)
    {
        WriteOperand(left);
        _text.Append(' ').Append(op).Append(' ');
        WriteOperand(right);
    }

    private void WriteOperand(FieldExpression operand)
    {
        // A minus before a number binds less tightly than * / % ^.
        if (operand is Field || (operand is Literal literal && !(literal.Value.IsNumeric && literal.Value.ToString().StartsWith('-'))))
            Write(operand);
        else
            WriteInParentheses(operand);
    }

    private void WriteInParentheses(FieldExpression expression)
    {
        _text.Append('(');
        Write(expression);
        _text.Append(')');
    }

    private void Write(AttributeField attribute)
    {
        if (attribute.Scope != AttributeScope.Any)
            _text.Append(attribute.Scope.ToString().ToLowerInvariant());
        _text.Append('.');

        // Unquoted, .5 would be a number.
        var name = attribute.Name;
        if (name.Length > 0 && name.All(Lexer.IsNameCharacter) && !name.Contains('"') && !char.IsAsciiDigit(name[0]))
            _text.Append(name);
        else
            _text.Append('"').Append(name.Replace("\\", "\\\\").Replace("\"", "\\\"")).Append('"');
    }
}
