using System.Text;
using OrleansTempo.Core.Generator.SpanNames;

namespace OrleansTempo.Core.Tests.Generator.SpanNames;

public sealed class SpanNameSanitizerTests
{
    private const long StaleMs = 15 * 60_000;

    [Fact]
    public void A_name_that_came_before_its_template_became_general_has_the_general_one()
    {
        var names = new SpanNameSanitizer();

        Assert.Equal("GET /users/1", Sanitize(names, "GET /users/1"));
        Assert.Equal("GET /users/1", Sanitize(names, "GET /users/1"));
        Assert.Equal("GET /users/<_>", Sanitize(names, "GET /users/2"));
        Assert.Equal("GET /users/<_>", Sanitize(names, "GET /users/1"));
    }

    [Fact]
    public void Names_that_are_not_UTF_8_are_left_alone_and_not_learned_from()
    {
        var names = new SpanNameSanitizer();
        byte[] broken = [.. "GET /users/1"u8, 0xFF];

        Assert.Equal(broken, names.Sanitize(broken));
        Assert.Equal("GET /users/2", Sanitize(names, "GET /users/2"));
    }

    [Fact]
    public void The_sanitizer_agrees_with_an_uncached_tree_whatever_comes()
    {
        var random = new Random(2);
        var names = new SpanNameSanitizer();
        var tree = new TemplateTree();
        string[] words = ["users", "orders", "v1", "12", "7f", "a-1", "%20", " ", "/", ".", new string('x', 97), "größe"];
        var pool = Enumerable.Range(0, 4000).Select(_ => string.Concat(Enumerable.Range(0, random.Next(8)).Select(_ => words[random.Next(words.Length)]))).ToArray();
        for (var i = 0; i < 40_000; i++)
        {
            var name = pool[random.Next(pool.Length)];
            tree.Train(Encoding.UTF8.GetBytes(name), 1, out var template);

            Assert.Equal(template is null ? name : Encoding.UTF8.GetString(template.Text), Sanitize(names, name));
        }
    }

    [Fact]
    public void Names_of_known_templates_allocate_nothing_whether_they_are_cached_or_not()
    {
        var names = new SpanNameSanitizer();
        var all = Enumerable.Range(0, 10_000).Select(i => Encoding.UTF8.GetBytes($"GET /api/v2/customers/{i}/orders/{i * 7:x8}")).ToArray();
        var found = 0;
        void SanitizeAll()
        {
            foreach (var name in all)
                found += names.Sanitize(name).Length;
        }

        names.Sanitize(all[0]);
        names.Sanitize(all[1]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        SanitizeAll();
        SanitizeAll();

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(2 * 10_000 * "GET /api/v2/customers/<_>/orders/<_>".Length, found);
    }

    [Fact]
    public void A_template_is_kept_for_24_hours_after_its_last_name_even_if_that_was_cached()
    {
        var names = new SpanNameSanitizer();
        var hours = (double h) => (long)TimeSpan.FromHours(h).TotalMilliseconds;
        names.Begin(1, StaleMs);
        Sanitize(names, "GET /users/1");
        Sanitize(names, "GET /users/2");
        names.Begin(hours(20), StaleMs);
        Sanitize(names, "GET /users/2");

        names.Begin(hours(43), StaleMs);
        Assert.Equal("GET /users/<_>", Sanitize(names, "GET /users/3"));
        names.Begin(hours(68), StaleMs);
        Assert.Equal("GET /users/3", Sanitize(names, "GET /users/3"));
    }

    [Fact]
    public void The_demand_covers_the_stale_duration()
    {
        var names = new SpanNameSanitizer();
        names.Begin(1, StaleMs);
        for (ulong i = 0; i < 1000; i++)
        {
            names.AddDemand(Utf8Hash.Of(i, 0, 0));
            names.AddDemand(Utf8Hash.Of(i, 0, 0));
        }

        Assert.InRange(names.EstimateDemand(), 950, 1050);
        for (var ms = StaleMs / 3; ms <= 2 * StaleMs; ms += StaleMs / 3)
        {
            names.Begin(ms, StaleMs);
            names.AddDemand(1);
        }

        Assert.Equal(1, names.EstimateDemand());
    }

    private static string Sanitize(SpanNameSanitizer names, string name) => Encoding.UTF8.GetString(names.Sanitize(Encoding.UTF8.GetBytes(name)));
}
