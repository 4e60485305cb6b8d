using OrleansTempo.Core.Blocks.Format;

namespace OrleansTempo.Core.Tests.Blocks.Format;

public sealed class FooterCacheTests
{
    private static readonly BlockFooter s_footer = new() { Bloom = new byte[1024], Pages = [] };

    private readonly FooterCache _cache = new(3 * s_footer.MemoryBytes);
    private readonly Guid[] _blocks = [.. Enumerable.Range(0, 6).Select(static _ => Guid.NewGuid())];

    [Fact]
    public void The_most_recently_used_footers_stay_when_there_are_too_many()
    {
        for (var i = 0; i < 3; i++)
            _cache.Add(_blocks[i], s_footer);
        Assert.Equal([0, 1, 2], Held());

        // Used in this order just now; block 0 is used once more.
        Assert.True(_cache.TryGet(_blocks[0], out var footer));
        Assert.Same(s_footer, footer);
        _cache.Add(_blocks[3], s_footer);

        Assert.Equal([0, 2, 3], Held());
        _cache.Add(_blocks[4], s_footer);
        Assert.Equal([2, 3, 4], Held());
    }

    [Fact]
    public void A_footer_added_twice_counts_once()
    {
        for (var i = 0; i < 10; i++)
            _cache.Add(_blocks[0], s_footer);
        _cache.Add(_blocks[1], s_footer);
        _cache.Add(_blocks[2], s_footer);

        Assert.Equal([0, 1, 2], Held());
    }

    [Fact]
    public void A_footer_larger_than_the_cache_is_held_alone_until_the_next_comes()
    {
        _cache.Add(_blocks[0], s_footer);
        _cache.Add(_blocks[1], new BlockFooter { Bloom = new byte[100_000], Pages = [] });
        Assert.Equal([1], Held());

        _cache.Add(_blocks[2], s_footer);
        _cache.Add(_blocks[3], s_footer);
        Assert.Equal([2, 3], Held());
    }

    private IEnumerable<int> Held() => [.. Enumerable.Range(0, _blocks.Length).Where(i => _cache.TryGet(_blocks[i], out _))];
}
