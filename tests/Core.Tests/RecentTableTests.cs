namespace OrleansTempo.Core.Tests;

public sealed class RecentTableTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly List<string> _forgotten = [];

    [Fact]
    public void Unused_entries_are_removed_and_used_ones_stay()
    {
        var table = Table();
        foreach (var key in (string[])["a", "b", "peeked"])
            Get(table, key);
        for (var minute = 0; minute < 10; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            Assert.Equal("A", table.Find("a"));
            Assert.Equal(minute < 9 ? "PEEKED" : null, table.Peek("peeked"));
        }

        Assert.Equal(["a"], table.All.Select(static e => e.Key));
        Assert.Equal(1, table.Count);
        Assert.Equal(["B", "PEEKED"], _forgotten.Order());
        Assert.Null(table.Find("b"));
    }

    [Fact]
    public void Entries_that_may_not_be_removed_stay_until_they_may()
    {
        var isBusy = true;
        var table = Table(_ => !isBusy);
        Get(table, "a");
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.Null(table.Find("other"));
        Assert.Equal("A", table.Peek("a"));

        isBusy = false;
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(table.Find("other"));
        Assert.Equal(0, table.Count);
    }

    private RecentTable<string, string> Table(Func<string, bool>? mayForget = null) =>
        new(TimeSpan.FromMinutes(10), _time) { MayForget = mayForget ?? (_ => true), Forgotten = _forgotten.Add };

    private static string Get(RecentTable<string, string> table, string key) => table.GetOrAdd(key, static (k, _) => k.ToUpperInvariant(), 0);
}
