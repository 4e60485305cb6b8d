namespace OrleansTempo.Core.Tests;

public sealed class RetryTests
{
    private readonly ManualTimeProvider _time = new();
    private int _attempts;

    [Fact]
    public async Task What_fails_is_tried_each_second_until_it_succeeds_and_each_failure_is_told()
    {
        var failures = new List<string>();

        var done = new Retry(_time).UntilDoneAsync(() => AttemptAsync(succeedsAt: 4), e => failures.Add(e.Message), CancellationToken.None);

        for (var attempts = 1; attempts < 4; attempts++)
        {
            await _time.TimerOf(TimeSpan.FromSeconds(1));
            _time.Advance(TimeSpan.FromMilliseconds(999));
            Assert.Equal(attempts, _attempts);
            _time.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal(4, await done);
        Assert.Equal(["failure 1", "failure 2", "failure 3"], failures);
    }

    [Fact]
    public async Task What_can_be_done_without_is_tried_three_times()
    {
        var done = new Retry(_time, TimeSpan.FromSeconds(10)).SomeTimesAsync(() => AttemptAsync(succeedsAt: 9), CancellationToken.None);

        for (var pauses = 0; pauses < 2; pauses++)
        {
            await _time.TimerOf(TimeSpan.FromSeconds(10));
            _time.Advance(TimeSpan.FromSeconds(10));
        }

        Assert.Equal((0, "failure 3"), await done);
    }

    [Fact]
    public async Task A_pause_ends_when_it_is_cancelled_and_other_failures_are_the_callers()
    {
        using var stop = new CancellationTokenSource();
        var done = new Retry(_time).UntilDoneAsync(() => AttemptAsync(succeedsAt: 2), static _ => { }, stop.Token);
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => done);
        Assert.Equal(1, _attempts);
        await Assert.ThrowsAsync<InvalidOperationException>(() => new Retry(_time).SomeTimesAsync<int>(static () => throw new InvalidOperationException(), CancellationToken.None));
    }

    private Task<int> AttemptAsync(int succeedsAt) =>
        ++_attempts < succeedsAt ? Task.FromException<int>(new IOException($"failure {_attempts}")) : Task.FromResult(_attempts);
}
