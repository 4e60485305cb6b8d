using System.Text;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Tests.Objects;

/// <summary>The contract of every <see cref="IObjectStore"/>; the test class of an implementation inherits it.</summary>
public abstract class ObjectStoreContract
{
    /// <summary>The store under test; the same one in every call of a test.</summary>
    protected abstract IObjectStore Store { get; }

    /// <summary>A second store over the same objects, as another process would open it.</summary>
    protected abstract IObjectStore Other { get; }

    [Fact]
    public async Task A_put_object_is_read_whole_with_its_etag()
    {
        var etag = await Store.PutAsync("a/b", Bytes("one"));

        Assert.Equal(("one", etag), await GetAsync(Store, "a/b"));
        Assert.Equal(("one", etag), await GetAsync(Other, "a/b"));
    }

    [Fact]
    public async Task A_put_replaces_and_changes_the_etag()
    {
        var first = await Store.PutAsync("a", Bytes("one"));
        var second = await Other.PutAsync("a", Bytes("two"));

        Assert.NotEqual(first, second);
        Assert.Equal(("two", second), await GetAsync(Store, "a"));
    }

    [Fact]
    public async Task An_empty_object_is_an_object()
    {
        await Store.PutAsync("a/empty", default);

        Assert.Equal("", (await GetAsync(Store, "a/empty"))!.Value.Text);
        Assert.Equal(0, await Store.ReadAsync("a/empty", 0, new byte[4]));
        Assert.Equal(["a/empty 0"], await ListAsync(Store, ""));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("a/none")]
    [InlineData("a")]
    [InlineData("a/b/c")]
    [InlineData("none/none/data")]
    public async Task A_missing_object_is_not_found(string name)
    {
        await Store.PutAsync("a/b", Bytes("one"));

        Assert.Null(await Store.GetAsync(name));
        Assert.Equal(-1, await Store.ReadAsync(name, 0, new byte[4]));
        Assert.Null(await Store.PutIfMatchAsync(name, Bytes("two"), "etag"));
        await Store.DeleteAsync(name);
        Assert.Equal(["a/b 3"], await ListAsync(Store, ""));
    }

    [Theory]
    [InlineData(0, 3, "012")]
    [InlineData(4, 3, "456")]
    [InlineData(8, 5, "89")]
    [InlineData(10, 5, "")]
    [InlineData(1000, 5, "")]
    [InlineData(3, 0, "")]
    public async Task A_range_is_filled_as_far_as_the_object_goes(long offset, int length, string expected)
    {
        await Store.PutAsync("blocks/a/data", Bytes("0123456789"));

        // Twice, because a store may keep files open.
        for (var i = 0; i < 2; i++)
        {
            var target = new byte[length];
            var read = await Store.ReadAsync("blocks/a/data", offset, target);
            Assert.Equal(expected, Encoding.ASCII.GetString(target, 0, read));
        }
    }

    [Fact]
    public async Task An_object_replaced_or_deleted_by_another_process_is_read_as_it_is_now()
    {
        var target = new byte[3];
        await Store.PutAsync("a/state", Bytes("one"));
        await Store.ReadAsync("a/state", 0, target);

        await Other.PutAsync("a/state", Bytes("two"));
        Assert.Equal(3, await Store.ReadAsync("a/state", 0, target));
        Assert.Equal("two"u8, target);

        await Other.DeleteAsync("a/state");
        Assert.Equal(-1, await Store.ReadAsync("a/state", 0, target));
    }

    [Fact]
    public async Task Put_if_absent_leaves_an_existing_object()
    {
        var etag = await Store.PutIfAbsentAsync("a/b", Bytes("one"));

        Assert.NotNull(etag);
        Assert.Null(await Other.PutIfAbsentAsync("a/b", Bytes("two")));
        Assert.Equal(("one", etag), await GetAsync(Store, "a/b"));

        await Store.DeleteAsync("a/b");
        Assert.NotNull(await Other.PutIfAbsentAsync("a/b", Bytes("three")));
        Assert.Equal("three", (await GetAsync(Store, "a/b"))!.Value.Text);
    }

    [Fact]
    public async Task Put_if_match_replaces_only_what_was_named()
    {
        var first = await Store.PutAsync("a", Bytes("one"));
        var second = await Store.PutIfMatchAsync("a", Bytes("two"), first);

        Assert.NotNull(second);
        Assert.NotEqual(first, second);
        Assert.Null(await Other.PutIfMatchAsync("a", Bytes("three"), first));
        Assert.Equal(("two", second), await GetAsync(Other, "a"));

        await Store.DeleteAsync("a");
        Assert.Null(await Store.PutIfMatchAsync("a", Bytes("four"), second));
        Assert.Null(await Store.GetAsync("a"));
    }

    [Fact]
    public async Task Delete_if_match_deletes_only_what_was_named()
    {
        var first = await Store.PutAsync("a/b", Bytes("one"));
        var second = await Other.PutAsync("a/b", Bytes("two"));

        Assert.False(await Store.DeleteIfMatchAsync("a/b", first));
        Assert.Equal(("two", second), await GetAsync(Store, "a/b"));

        Assert.True(await Store.DeleteIfMatchAsync("a/b", second));
        Assert.Null(await Other.GetAsync("a/b"));
        Assert.False(await Other.DeleteIfMatchAsync("a/b", second));
        Assert.Empty(await Store.ListFoldersAsync(""));
    }

    [Fact]
    public async Task Of_many_puts_of_an_absent_object_one_succeeds()
    {
        for (var round = 0; round < 10; round++)
        {
            var name = $"race/{round}/claim";
            var etags = await AtOnce(i => (i % 2 == 0 ? Store : Other).PutIfAbsentAsync(name, Bytes($"writer {i}")));

            var winner = Assert.Single(Enumerable.Range(0, etags.Length), i => etags[i] is not null);
            Assert.Equal(($"writer {winner}", etags[winner]!), await GetAsync(Store, name));
        }
    }

    [Fact]
    public async Task Of_many_replacements_of_one_object_one_succeeds()
    {
        var etag = await Store.PutAsync("claim", Bytes("nobody"));
        for (var round = 0; round < 10; round++)
        {
            var seen = etag;
            var etags = await AtOnce(i => (i % 2 == 0 ? Store : Other).PutIfMatchAsync("claim", Bytes($"round {round} writer {i}"), seen));

            var winner = Assert.Single(Enumerable.Range(0, etags.Length), i => etags[i] is not null);
            etag = etags[winner]!;
            Assert.Equal(($"round {round} writer {winner}", etag), await GetAsync(Other, "claim"));
        }
    }

    [Fact]
    public async Task An_object_written_in_parts_appears_when_it_is_completed()
    {
        await using (var writer = await Store.CreateAsync("blocks/a/data"))
        {
            var part = Bytes("0123");
            await writer.WriteAsync(part);
            part.AsSpan().Fill((byte)'x');
            await writer.WriteAsync(Bytes("45"));
            Assert.Null(await Store.GetAsync("blocks/a/data"));
            Assert.Empty(await ListAsync(Store, ""));

            await writer.CompleteAsync();
        }

        Assert.Equal("012345", (await GetAsync(Other, "blocks/a/data"))!.Value.Text);
        Assert.Equal(["blocks/a/data 6"], await ListAsync(Store, ""));
    }

    [Fact]
    public async Task An_object_completed_again_is_replaced()
    {
        var target = new byte[3];
        foreach (var content in new[] { "one", "two" })
        {
            await using var writer = await Store.CreateAsync("blocks/a/data");
            await writer.WriteAsync(Bytes(content));
            await writer.CompleteAsync();
            await Store.ReadAsync("blocks/a/data", 0, target);
            Assert.Equal(content, Encoding.ASCII.GetString(target));
        }
    }

    [Fact]
    public async Task Nothing_remains_of_an_object_that_was_not_completed()
    {
        await using (var writer = await Store.CreateAsync("blocks/a/data"))
            await writer.WriteAsync(Bytes("0123"));

        Assert.Null(await Store.GetAsync("blocks/a/data"));
        Assert.Empty(await ListAsync(Store, ""));
        Assert.Empty(await Store.ListFoldersAsync(""));
    }

    [Fact]
    public async Task A_listing_has_all_names_that_begin_with_the_prefix()
    {
        foreach (var name in new[] { "top", "blocks/a/1/data", "blocks/a/1/meta.json", "blocks/a/2/data", "blocks/ab/1/data", "blocks/b/x" })
            await Store.PutAsync(name, Bytes(name));

        Assert.Equal(["blocks/a/1/data 15", "blocks/a/1/meta.json 20", "blocks/a/2/data 15", "blocks/ab/1/data 16", "blocks/b/x 10", "top 3"], await ListAsync(Store, ""));
        Assert.Equal(["blocks/a/1/data 15", "blocks/a/1/meta.json 20", "blocks/a/2/data 15"], await ListAsync(Other, "blocks/a/"));
        Assert.Equal(["blocks/a/1/data 15", "blocks/a/1/meta.json 20", "blocks/a/2/data 15", "blocks/ab/1/data 16"], await ListAsync(Store, "blocks/a"));
        Assert.Equal(["blocks/a/1/meta.json 20"], await ListAsync(Store, "blocks/a/1/m"));
        Assert.Empty(await ListAsync(Store, "blocks/none/"));
        Assert.Empty(await ListAsync(Store, "top/"));
        Assert.Empty(await ListAsync(Store, "Blocks/"));
    }

    [Fact]
    public async Task A_listing_tells_when_an_object_was_written()
    {
        var before = DateTimeOffset.UtcNow;
        await Store.PutAsync("a", Bytes("one"));

        await foreach (var found in Store.ListAsync(""))
            Assert.InRange(found.LastModified, before - TimeSpan.FromMinutes(1), DateTimeOffset.UtcNow + TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Folders_are_those_with_objects_below()
    {
        foreach (var name in new[] { "top", "blocks/a/1/data", "blocks/b/x", "blocks/c", "wal/1/2/3" })
            await Store.PutAsync(name, Bytes("x"));
        await Store.DeleteAsync("wal/1/2/3");

        Assert.Equal(["blocks"], await FoldersAsync(""));
        Assert.Equal(["a", "b"], await FoldersAsync("blocks/"));
        Assert.Equal(["1"], await FoldersAsync("blocks/a/"));
        Assert.Empty(await FoldersAsync("blocks/a/1/"));
        Assert.Empty(await FoldersAsync("none/"));
    }

    [Fact]
    public async Task A_deleted_object_is_gone()
    {
        await Store.PutAsync("blocks/a/1/data", Bytes("one"));
        await Store.PutAsync("blocks/a/2/data", Bytes("two"));
        await Store.ReadAsync("blocks/a/1/data", 0, new byte[3]);

        await Store.DeleteAsync("blocks/a/1/data");

        Assert.Null(await Store.GetAsync("blocks/a/1/data"));
        Assert.Equal(-1, await Store.ReadAsync("blocks/a/1/data", 0, new byte[3]));
        Assert.Equal(["2"], await FoldersAsync("blocks/a/"));
    }

    [Fact]
    public async Task Puts_and_deletes_in_one_folder_do_not_disturb_each_other() =>
        await AtOnce(async i =>
        {
            var store = i % 2 == 0 ? Store : Other;
            for (var round = 0; round < 10; round++)
            {
                await store.PutAsync($"a/b/{i}", Bytes($"{i}"));
                Assert.Equal($"{i}", (await GetAsync(store, $"a/b/{i}"))!.Value.Text);
                await store.DeleteAsync($"a/b/{i}");
            }

            return i;
        });

    [Fact]
    public async Task All_characters_of_names_are_kept()
    {
        string[] names = ["abcdefghijklmnopqrstuvwxyz/ABCDEFGHIJKLMNOPQRSTUVWXYZ/0123456789_.=%-", "%2e%2e/%25", "...", ".hidden/..data", $"long/{new string('x', 255)}"];
        foreach (var name in names)
            await Store.PutAsync(name, Bytes(name));

        foreach (var name in names)
            Assert.Equal(name, (await GetAsync(Other, name))!.Value.Text);
        Assert.Equal(names.Select(static n => $"{n} {n.Length}").Order(StringComparer.Ordinal), await ListAsync(Store, ""));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("/a")]
    [InlineData("a/")]
    [InlineData("a//b")]
    [InlineData(".")]
    [InlineData("..")]
    [InlineData("../a")]
    [InlineData("a/../b")]
    [InlineData("a/./b")]
    [InlineData("a\\b")]
    [InlineData("a b")]
    [InlineData("a\0b")]
    [InlineData("~tmp/a")]
    [InlineData("ä")]
    [InlineData("a:b")]
    public async Task Other_names_are_refused(string name)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => Store.PutAsync(name, Bytes("x")));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.PutIfAbsentAsync(name, Bytes("x")));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.PutIfMatchAsync(name, Bytes("x"), "etag"));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.CreateAsync(name));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.GetAsync(name));
        await Assert.ThrowsAsync<ArgumentException>(async () => await Store.ReadAsync(name, 0, new byte[1]));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.DeleteAsync(name));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.DeleteIfMatchAsync(name, "etag"));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("../")]
    [InlineData("a/../")]
    [InlineData("a//")]
    [InlineData("~")]
    public async Task Other_prefixes_are_refused(string prefix)
    {
        await Assert.ThrowsAsync<ArgumentException>(() => ListAsync(Store, prefix));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.ListFoldersAsync(prefix));
    }

    [Fact]
    public async Task Folders_are_asked_for_with_a_whole_prefix() =>
        await Assert.ThrowsAsync<ArgumentException>(() => Store.ListFoldersAsync("blocks"));

    protected static byte[] Bytes(string text) => Encoding.ASCII.GetBytes(text);

    protected static async Task<(string Text, string ETag)?> GetAsync(IObjectStore store, string name) =>
        await store.GetAsync(name) is { } stored ? (Encoding.ASCII.GetString(stored.Content.Span), stored.ETag) : null;

    protected static async Task<string[]> ListAsync(IObjectStore store, string prefix)
    {
        var found = new List<string>();
        await foreach (var one in store.ListAsync(prefix))
            found.Add($"{one.Name} {one.SizeBytes}");
        return [.. found.Order(StringComparer.Ordinal)];
    }

    private static Task<T[]> AtOnce<T>(Func<int, Task<T>> act) => Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => act(i))));

    private async Task<string[]> FoldersAsync(string prefix) => [.. (await Store.ListFoldersAsync(prefix)).Order(StringComparer.Ordinal)];
}
