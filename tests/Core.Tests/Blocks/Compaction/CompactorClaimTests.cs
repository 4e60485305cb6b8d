using System.Globalization;
using System.Text;
using System.Text.Json;
using OrleansTempo.Core.Blocks.Compaction;
using OrleansTempo.Core.Blocks.Format;
using OrleansTempo.Core.Tests.Objects;
using OrleansTempo.Core.Tests.RemoteWrite.Queue;
using static OrleansTempo.Core.Tests.Blocks.SomeBlocks;

namespace OrleansTempo.Core.Tests.Blocks.Compaction;

public sealed class CompactorClaimTests
{
    private static readonly string s_name = BlockPaths.CompactorClaim(TeamA);

    private readonly ManualTimeProvider _time = new();
    private readonly InMemoryObjectStore _store;
    private readonly InMemoryObjectStore _view;

    public CompactorClaimTests()
    {
        _store = new(_time);
        _view = _store.View();
    }

    [Fact]
    public async Task A_claim_is_renewed_while_held_and_free_afterwards()
    {
        var claim = (await TakeAsync("a"))!;
        for (var i = 0; i < 20; i++)
            await _time.PassAsync(CompactorClaim.RenewEvery);
        await _time.TimerOf(CompactorClaim.RenewEvery);

        Assert.Null(await TakeAsync("b"));
        Assert.False(claim.Held.IsCancellationRequested);

        await claim.DisposeAsync();
        await using var next = await TakeAsync("b");
        Assert.NotNull(next);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_claim_whose_put_got_no_answer_is_held(bool afterAnother)
    {
        if (afterAnother)
            await (await TakeAsync("before"))!.DisposeAsync();
        LoseAnswers(1);

        await using var claim = await TakeAsync("a");

        Assert.NotNull(claim);
        Assert.StartsWith("a/", Stored().Owner);
        Assert.Null(await TakeAsync("b"));
    }

    [Fact]
    public async Task A_claim_whose_put_fails_is_not_held()
    {
        _view.Before = static (operation, _) => operation == "PutIfAbsent" ? throw new IOException("gone") : Task.CompletedTask;
        Assert.Equal("gone", (await Assert.ThrowsAsync<IOException>(() => TakeAsync("a"))).Message);
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task An_expired_claim_does_not_mistake_a_later_one_of_the_same_owner_for_its_own()
    {
        await using var claim = (await TakeAsync("a"))!;
        var stuck = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _view.Before = (operation, _) => operation == "PutIfMatch" ? stuck.Task : Task.CompletedTask;
        await _time.PassAsync(CompactorClaim.RenewEvery);
        _time.Advance(CompactorClaim.Lease);
        await using var next = await CompactorClaim.TryClaimAsync(_store, _time, TeamA, "a", CancellationToken.None);
        var stopped = CancelledAsync(claim);

        stuck.SetResult();

        await stopped;
        Assert.False(next!.Held.IsCancellationRequested);
    }

    [Fact]
    public async Task A_renewal_without_an_answer_keeps_the_claim()
    {
        await using var claim = (await TakeAsync("a"))!;
        LoseAnswers(1);
        await _time.PassAsync(CompactorClaim.RenewEvery);
        await _time.TimerOf(CompactorClaim.RenewEvery);
        Assert.Equal(_time.GetUtcNow() + CompactorClaim.Lease, Stored().Until);

        // The next renewal does not know what is stored, and must not mistake it for another owner's.
        for (var i = 0; i < 10; i++)
            await _time.PassAsync(CompactorClaim.RenewEvery);
        await _time.TimerOf(CompactorClaim.RenewEvery);

        Assert.False(claim.Held.IsCancellationRequested);
        Assert.Equal(_time.GetUtcNow() + CompactorClaim.Lease, Stored().Until);
        Assert.Null(await TakeAsync("b"));
    }

    [Fact]
    public async Task A_release_after_a_renewal_without_an_answer_frees_the_claim_at_once()
    {
        var claim = (await TakeAsync("a"))!;
        LoseAnswers(1);
        await _time.PassAsync(CompactorClaim.RenewEvery);
        await _time.TimerOf(CompactorClaim.RenewEvery);

        await claim.DisposeAsync();

        Assert.Equal(_time.GetUtcNow(), Stored().Until);
        await using var next = await TakeAsync("b");
        Assert.NotNull(next);
    }

    [Fact]
    public async Task The_holder_stops_before_a_claim_that_cannot_be_renewed_expires()
    {
        await using var claim = (await TakeAsync("a"))!;
        var until = Stored().Until;
        _view.Before = static (operation, _) => operation == "PutIfMatch" ? throw new IOException("gone") : Task.CompletedTask;
        var stopped = CancelledAsync(claim);
        for (var i = 0; i < 4; i++)
        {
            Assert.False(stopped.IsCompleted);
            await _time.PassAsync(CompactorClaim.RenewEvery);
        }

        await stopped;
        Assert.True(_time.GetUtcNow() < until);
        _view.Before = null;
        Assert.Null(await TakeAsync("b"));

        _time.Advance(until - _time.GetUtcNow());
        await using var next = await TakeAsync("b");
        Assert.NotNull(next);
    }

    [Fact]
    public async Task The_time_that_a_renewal_takes_counts_as_if_it_had_passed_before()
    {
        await using var claim = (await TakeAsync("a"))!;
        _view.After = (operation, _) =>
        {
            if (operation == "PutIfMatch")
                _time.Advance(CompactorClaim.RenewEvery);
            return Task.CompletedTask;
        };
        await _time.PassAsync(CompactorClaim.RenewEvery);
        await _time.TimerOf(CompactorClaim.RenewEvery);
        var until = Stored().Until;
        _view.After = null;
        _view.Before = static (operation, _) => operation == "PutIfMatch" ? throw new IOException("gone") : Task.CompletedTask;

        var stopped = CancelledAsync(claim);
        for (var i = 0; i < 3; i++)
            await _time.PassAsync(CompactorClaim.RenewEvery);

        await stopped;
        Assert.True(_time.GetUtcNow() < until);
    }

    [Fact]
    public async Task A_claim_that_another_owner_has_taken_is_lost_and_left_alone()
    {
        var claim = (await TakeAsync("a"))!;
        var theirs = Encoding.UTF8.GetBytes("""{"owner":"b","until":"2999-01-01T00:00:00Z"}""");
        await _store.PutAsync(s_name, theirs);
        var stopped = CancelledAsync(claim);

        await _time.PassAsync(CompactorClaim.RenewEvery);
        await stopped;
        await claim.DisposeAsync();

        Assert.Equal(theirs, _store[s_name]);
    }

    [Fact]
    public async Task A_claim_whose_object_is_gone_is_not_recreated()
    {
        var claim = (await TakeAsync("a"))!;
        await _store.DeleteAsync(s_name);
        await claim.DisposeAsync();
        Assert.Empty(_store.Names);
    }

    [Fact]
    public async Task The_stored_claim_keeps_its_format()
    {
        await using (await TakeAsync("a"))
        {
            using var json = JsonDocument.Parse(_store[s_name]);
            Assert.Equal(["owner", "until"], json.RootElement.EnumerateObject().Select(static p => p.Name));
            Assert.True(json.RootElement.GetProperty("until").TryGetDateTimeOffset(out var until));
            Assert.Equal(_time.GetUtcNow() + CompactorClaim.Lease, until);
        }

        // As earlier versions wrote it.
        var now = _time.GetUtcNow().UtcDateTime;
        await _store.PutAsync(s_name, Earlier(now + CompactorClaim.Lease));
        Assert.Null(await TakeAsync("a"));
        await _store.PutAsync(s_name, Earlier(now));
        await using var claim = await TakeAsync("a");
        Assert.NotNull(claim);

        static byte[] Earlier(DateTime until) => Encoding.UTF8.GetBytes($$"""{"owner":"machine/0f","until":"{{until.ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture)}}"}""");
    }

    private Task<CompactorClaim?> TakeAsync(string owner) => CompactorClaim.TryClaimAsync(_view, _time, TeamA, owner, CancellationToken.None);

    // The next puts succeed, but their caller does not hear of it.
    private void LoseAnswers(int puts) => _view.After = (operation, _) =>
        operation.StartsWith("Put", StringComparison.Ordinal) && puts-- > 0 ? throw new IOException("the connection is gone") : Task.CompletedTask;

    private static Task CancelledAsync(CompactorClaim claim)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        claim.Held.Register(cancelled.SetResult);
        return cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private (string Owner, DateTimeOffset Until) Stored()
    {
        using var json = JsonDocument.Parse(_store[s_name]);
        return (json.RootElement.GetProperty("owner").GetString()!, json.RootElement.GetProperty("until").GetDateTimeOffset());
    }
}
