using System.Collections;
using OrleansTempo.Core.TraceQL.Semantics;
using OrleansTempo.Core.TraceQL.Syntax;

namespace OrleansTempo.Core.Tests.TraceQL.Syntax;

public sealed class PrinterTests
{
    [Fact]
    public void Any_query_printed_and_parsed_is_the_same_query()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var query = new RandomQuery(new Random(seed)).Next();
            Assert.True(Query.TryParse(query.ToString(), out var parsed, out var error), $"seed {seed}: {query}: {error}");
            Assert.True(Tree(query) == Tree(parsed), $"seed {seed}: {query}\n{Tree(query)}\n{Tree(parsed)}");
        }
    }

    [Fact]
    public void White_space_and_comments_between_tokens_change_nothing()
    {
        for (var seed = 0; seed < 50; seed++)
        {
            var query = new RandomQuery(new Random(seed)).Next();
            var lexer = new Lexer(query.ToString());
            var text = "";
            for (var token = lexer.Next(); token.Kind != TokenKind.End; token = lexer.Next())
                text += "\n/* */ " + token.Text + "\t// x\n";
            Assert.True(Query.TryParse(text, out var parsed, out var error), $"seed {seed}: {text}: {error}");
            Assert.Equal(query.ToString(), parsed.ToString());
        }
    }

    // The whole tree, by its properties, as the printer may forget one.
    private static string Tree(object? node) => node switch
    {
        null => "null",
        string or bool or Enum or long or double or Value => $"{node.GetType().Name} {node}",
        IEnumerable list => $"[{string.Join(", ", list.Cast<object>().Select(Tree))}]",
        _ => $"{node.GetType().Name}({string.Join(", ", node.GetType().GetProperties().Where(static p => p.CanWrite && p.PropertyType != typeof(Re2)).Select(p => $"{p.Name}: {Tree(p.GetValue(node))}"))})",
    };
}
