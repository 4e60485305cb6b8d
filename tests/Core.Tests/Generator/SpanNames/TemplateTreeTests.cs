using System.Text;
using OrleansTempo.Core.Generator.SpanNames;

namespace OrleansTempo.Core.Tests.Generator.SpanNames;

public sealed class TemplateTreeTests
{
    [Theory]
    [InlineData("GET /users/<_>", "GET /users/123", "GET /users/456")]
    [InlineData("GET /users/<_>", "GET /users/123", "GET /users/9a3fe2d1")]
    [InlineData("PUT /shops/<_>/items/<_>", "PUT /shops/7/items/1", "PUT /shops/8/items/22")]
    [InlineData("order <_> shipped", "order 0f8fad5b-d9cb-469f-a165-70867728950e shipped", "order 7c9e6679-7425-40de-944b-e07fc1f90ae7 shipped")]
    [InlineData("INSERT INTO invoices_<_>", "INSERT INTO invoices_2023", "INSERT INTO invoices_2024")]
    [InlineData("shop.Cart/Get?<_>", "shop.Cart/Get?17", "shop.Cart/Get?18")]
    [InlineData("GET /users/<_>/orders/7", "GET /users/1/orders/7", "GET /users/2/orders/7")]
    [InlineData("GET /Straße/<_>", "GET /Straße/12", "GET /Straße/14")]
    public void Names_that_differ_in_their_data_have_one_template(string expected, params string[] names) => Assert.Equal(expected, Trained(names)[^1]);

    [Fact]
    public void A_template_is_as_general_as_the_names_so_far_require() => Assert.Equal(
        ["GET /a/1/b/2", "GET /a/1/b/2", "GET /a/<_>/b/2", "GET /a/<_>/b/<_>", "GET /a/<_>/b/<_>"],
        Trained("GET /a/1/b/2", "GET /a/1/b/2", "GET /a/3/b/2", "GET /a/3/b/4", "GET /a/1/b/2"));

    [Fact]
    public void Names_with_other_words_or_another_number_of_tokens_stay_apart() => Assert.Equal(
        ["GET /users/1", "GET /items/1", "POST /users/1", "GET /users/1/cart", "GET /users/1/data", "GET /users/<_>", "GET /users/<_>/data", "GET /users"],
        Trained("GET /users/1", "GET /items/1", "POST /users/1", "GET /users/1/cart", "GET /users/1/data", "GET /users/2", "GET /users/2/data", "GET /users"));

    [Fact]
    public void A_word_takes_the_same_branch_as_data_before_it() => Assert.Equal(
        ["GET /users/me", "GET /users/1", "GET /users/<_>"],
        Trained("GET /users/me", "GET /users/1", "GET /users/me"));

    [Fact]
    public void The_1000th_word_in_one_place_and_all_later_ones_are_treated_as_data()
    {
        var names = Enumerable.Range(0, 1002).Select(i => "GET /" + Word(i)).ToArray();

        var templates = Trained(names);

        Assert.Equal(names[..999], templates[..999]);
        Assert.Equal([names[999], "GET /<_>", "GET /<_>"], templates[999..]);
    }

    [Fact]
    public void Beyond_the_27th_token_words_are_treated_as_data()
    {
        const string Beginning = "a/b/c/d/e/f/g/h/i/j/k/l/m/";

        Assert.Equal(Beginning + "n/<_>", Trained(Beginning + "n/xx", Beginning + "n/yy")[1]);
        Assert.Equal(Beginning + "yy", Trained(Beginning + "xx", Beginning + "yy")[1]);
    }

    [Fact]
    public void A_name_joins_the_most_similar_template_of_its_node_unless_all_are_too_different()
    {
        // Nothing but data: 5 tokens with the end, of which 2 must be the same.
        const string First = "%11%22%33%44", Second = "%55%66%77%88", Third = "%11%22%77%99";

        Assert.Equal([First, Second, "%11%22<_><_>", "%11%22<_><_>"], Trained(First, Second, Third, First));
    }

    [Fact]
    public void In_a_full_node_every_name_joins_the_most_similar_template()
    {
        var tree = new TemplateTree();
        var random = new Random(1);
        for (var i = 0; i < 500; i++)
            tree.Train(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 12).Select(_ => $"%{random.Next(10, 100)}"))), 1, out _);

        Assert.Equal(100, tree.Count);
    }

    [Fact]
    public void Too_short_and_too_long_names_have_no_template()
    {
        var tree = new TemplateTree();

        Assert.Equal(NameOutcome.TooFewTokens, tree.Train(""u8, 1, out _));
        Assert.Equal(NameOutcome.TooFewTokens, tree.Train("checkout"u8, 1, out var template));
        Assert.Null(template);
        Assert.Equal(NameOutcome.Known, tree.Train("a/"u8, 1, out _));
        Assert.Equal(NameOutcome.Known, tree.Train(Encoding.UTF8.GetBytes(new string('/', 79)), 1, out _));
        Assert.Equal(NameOutcome.TooManyTokens, tree.Train(Encoding.UTF8.GetBytes(new string('/', 80)), 1, out template));
        Assert.Null(template);
    }

    [Fact]
    public void The_version_changes_only_with_the_templates()
    {
        var tree = new TemplateTree();
        var versions = new List<int>();
        foreach (var name in (string[])["GET /a/1", "GET /a/1", "GET /a/2", "GET /a/3", "x/y", "short"])
        {
            tree.Train(Encoding.UTF8.GetBytes(name), 1, out _);
            versions.Add(tree.Version);
        }

        Assert.Equal([1, 1, 2, 2, 3, 3], versions);
    }

    [Fact]
    public void Templates_not_seen_for_long_are_forgotten()
    {
        var tree = new TemplateTree();
        tree.Train("GET /a/1"u8, 1000, out _);
        tree.Train("GET /a/2"u8, 1000, out var old);
        tree.Train("GET /b/1"u8, 2000, out _);

        tree.Expire(1001);

        Assert.Equal((1, 1L), (tree.Count, tree.Expired));
        tree.Train("GET /a/3"u8, 3000, out var anew);
        Assert.NotSame(old, anew);
        Assert.Equal("GET /a/3", Encoding.UTF8.GetString(anew!.Text));
        tree.Train("GET /b/2"u8, 3000, out var kept);
        Assert.Equal("GET /b/<_>", Encoding.UTF8.GetString(kept!.Text));
    }

    [Fact]
    public void Forgotten_words_make_room_for_others()
    {
        var tree = new TemplateTree();
        for (var i = 0; i < 999; i++)
            tree.Train(Encoding.UTF8.GetBytes("GET /" + Word(i)), i < 990 ? 1 : 2, out _);

        tree.Expire(2);
        tree.Train("GET /new"u8, 3, out _);
        tree.Train("GET /newer"u8, 3, out var template);
        tree.Train(Encoding.UTF8.GetBytes("GET /" + Word(995)), 3, out var known);

        Assert.Equal("GET /newer", Encoding.UTF8.GetString(template!.Text));
        Assert.Equal("GET /" + Word(995), Encoding.UTF8.GetString(known!.Text));
        Assert.Equal(11, tree.Count);
    }

    [Fact]
    public void There_are_never_more_templates_than_allowed_and_those_seen_last_stay()
    {
        var tree = new TemplateTree(maxTemplates: 20);
        for (var i = 0; i < 20; i++)
            tree.Train(Encoding.UTF8.GetBytes("GET /" + Word(i)), 1, out _);
        tree.Train(Encoding.UTF8.GetBytes("GET /" + Word(0)), 2, out var seenLast);

        for (var i = 20; i < 200; i++)
        {
            tree.Train(Encoding.UTF8.GetBytes("GET /" + Word(i)), 3, out _);
            tree.Train(Encoding.UTF8.GetBytes("GET /" + Word(0)), 3 + i, out var known);
            Assert.Same(seenLast, known);
            Assert.InRange(tree.Count, 1, 20);
        }

        Assert.Equal(180, tree.Evicted);
    }

    [Fact]
    public void Learning_from_templates_gives_the_same_templates_again()
    {
        string[] names = ["GET /users/1", "GET /users/2", "order 12-<_>", "%11%22%33%44", "%11%22%77%99", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/xx", "a/b/c/d/e/f/g/h/i/j/k/l/m/n/yy", "v1/x", "bed-1 2", "bed-1 3", "%4", "x%"];
        var tree = new TemplateTree();
        var former = Train(tree, names);
        string[] templates = [.. former.Distinct()];
        foreach (var order in (string[][])[templates, [.. templates.Reverse()]])
        {
            var next = new TemplateTree();
            foreach (var template in order)
                next.Train(Encoding.UTF8.GetBytes(template), 1, out _, isTemplate: true);

            Assert.Equal(Train(tree, names), Train(next, names));
        }
    }

    [Fact]
    public void The_same_names_in_the_same_order_give_the_same_templates()
    {
        var random = new Random(1);
        string[] words = ["users", "orders", "v1", "12", "7f", "a-1", "%20", " ", "/", ".", "x9y", "größe"];
        var names = Enumerable.Range(0, 5000).Select(_ => string.Concat(Enumerable.Range(0, random.Next(1, 12)).Select(_ => words[random.Next(words.Length)]))).ToArray();

        Assert.Equal(Trained(names), Trained(names));
    }

    private static string[] Trained(params string[] names) => Train(new TemplateTree(), names);

    private static string[] Train(TemplateTree tree, string[] names) => [.. names.Select(name =>
    {
        tree.Train(Encoding.UTF8.GetBytes(name), 1, out var template);
        return template is null ? "" : Encoding.UTF8.GetString(template.Text);
    })];

    // Without digits, which would be data.
    private static string Word(int number) => string.Concat(Enumerable.Range(0, 3).Select(i => (char)('g' + number / (int)Math.Pow(20, i) % 20)));
}
