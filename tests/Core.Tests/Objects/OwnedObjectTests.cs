using System.Text;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class OwnedObjectTests
{
    private const string Name = "things/owner";

    private readonly InMemoryObjectStore _store = new();

    [Fact]
    public async Task An_object_that_has_changed_since_it_was_read_is_not_claimed()
    {
        await _store.PutAsync(Name, "b1"u8.ToArray());
        Assert.Null(await TakeAsync("a1", null));
        var read = await _store.GetAsync(Name);
        await _store.PutAsync(Name, "b2"u8.ToArray());
        Assert.Null(await TakeAsync("a1", read));
        Assert.Equal("b2", Text(_store[Name]));

        Assert.NotNull(await TakeAsync("a1", await _store.GetAsync(Name)));
        Assert.Equal("a1", Text(_store[Name]));
    }

    [Fact]
    public async Task A_put_refused_because_it_had_already_succeeded_counts()
    {
        // Like a client that resends a put whose answer was lost.
        var view = _store.View();
        var content = "a1";
        view.Before = async (operation, name) =>
        {
            if (operation.StartsWith("Put", StringComparison.Ordinal))
                await _store.PutAsync(name, Encoding.UTF8.GetBytes(content));
        };
        var owned = await TakeAsync(content, null, view);
        Assert.NotNull(owned);

        content = "a2";
        view.After = (operation, _) =>
        {
            if (operation == "PutIfMatch")
                view.Before = null;
            return Task.CompletedTask;
        };
        Assert.True(await owned.TryPutAsync("a2"u8.ToArray()));
        Assert.True(await owned.TryPutAsync("a3"u8.ToArray()));
        Assert.Equal("a3", Text(_store[Name]));
    }

    [Fact]
    public async Task An_owner_that_lost_the_object_learns_to_whom()
    {
        var owned = await TakeAsync("a1", null);
        await _store.PutAsync(Name, "b1"u8.ToArray());
        Assert.False(await owned!.TryPutAsync("a2"u8.ToArray()));
        Assert.Equal("b1", Text(owned.Successor!.Value.Span));
        Assert.Equal("b1", Text(_store[Name]));

        await _store.DeleteAsync(Name);
        Assert.False(await owned.TryPutAsync("a2"u8.ToArray()));
        Assert.Null(owned.Successor);
        Assert.Empty(_store.Names);
    }

    private static string Text(ReadOnlySpan<byte> content) => Encoding.UTF8.GetString(content);

    private Task<OwnedObject?> TakeAsync(string content, StoredObject? former, InMemoryObjectStore? view = null) =>
        OwnedObject.TryClaimAsync(view ?? _store, Name, former, Encoding.UTF8.GetBytes(content), static c => c.Span.StartsWith("a"u8), CancellationToken.None);
}
