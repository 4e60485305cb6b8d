using OrleansTempo.Core.Continuity;

namespace OrleansTempo.Core.Tests.Continuity;

public sealed class CountedPushesTests
{
    private static readonly DateTimeOffset s_now = DateTimeOffset.FromUnixTimeMilliseconds(1_780_000_000_000);

    private readonly Guid _queue = Guid.NewGuid();
    private readonly Guid _other = Guid.NewGuid();

    [Fact]
    public void Each_number_of_a_queue_is_counted_once_and_none_after_a_later_one()
    {
        var pushes = new CountedPushes();

        Assert.True(pushes.TryCount(_queue, 1, s_now));
        Assert.False(pushes.TryCount(_queue, 1, s_now));
        Assert.True(pushes.TryCount(_queue, 3, s_now));
        Assert.False(pushes.TryCount(_queue, 2, s_now));
        Assert.True(pushes.TryCount(_other, 1, s_now));
        Assert.Equal((PushState.Counted, PushState.NotCounted), (pushes.Ask(_queue, 3, s_now), pushes.Ask(_queue, 4, s_now)));
    }

    [Fact]
    public void The_next_owner_knows_what_the_previous_one_has_counted()
    {
        var left = new CountedPushes();
        left.BeginComplete();
        left.TryCount(_queue, 7, s_now);
        var pushes = new CountedPushes();

        Assert.True(pushes.TryRestore(left.Write(s_now)));

        Assert.False(pushes.TryCount(_queue, 7, s_now));
        Assert.Equal((PushState.Counted, PushState.NotCounted), (pushes.Ask(_queue, 7, s_now), pushes.Ask(_queue, 8, s_now)));
        Assert.Equal(PushState.NotCounted, pushes.Ask(_other, 1, s_now));
    }

    [Fact]
    public void What_was_attempted_before_a_crash_is_never_counted_and_the_next_owners_know_that_too()
    {
        var pushes = new CountedPushes();
        pushes.BeginIncomplete(s_now);
        Assert.Equal(PushState.Unknown, pushes.Ask(_queue, 7, s_now));
        Assert.False(pushes.TryCount(_queue, 7, s_now));
        Assert.True(pushes.TryCount(_queue, 8, s_now));

        var next = new CountedPushes();
        Assert.True(next.TryRestore(pushes.Write(s_now)));
        Assert.Equal(PushState.Unknown, next.Ask(_other, 1, s_now + CountedPushes.Patience));
        Assert.Equal(PushState.NotCounted, next.Ask(Guid.NewGuid(), 1, s_now + (2 * CountedPushes.Patience)));
    }

    [Fact]
    public void Before_the_claim_nobody_knows_what_another_owner_has_counted() =>
        Assert.Equal(PushState.Unknown, new CountedPushes().Ask(_queue, 1, s_now));

    [Fact]
    public void A_queue_that_is_gone_is_forgotten()
    {
        var pushes = new CountedPushes();
        pushes.TryCount(_queue, 1, s_now);
        var withQueue = pushes.Write(s_now).Length;
        pushes.Forget(s_now.AddMinutes(14));
        Assert.Equal(withQueue, pushes.Write(s_now).Length);

        Assert.True(pushes.Write(s_now.AddMinutes(16)).Length < withQueue);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}")]
    public void What_an_owner_of_an_earlier_version_left_says_nothing(string left)
    {
        var pushes = new CountedPushes();
        pushes.BeginIncomplete(s_now);

        Assert.False(pushes.TryRestore(System.Text.Encoding.UTF8.GetBytes(left)));

        Assert.Equal(PushState.Unknown, pushes.Ask(_queue, 1, s_now));
    }
}
