using OrleansTempo.Core.Distributor;

namespace OrleansTempo.Core.Tests.Distributor;

public sealed class GeneratorQueueShareTests
{
    private readonly ManualTimeProvider _time = new();
    private readonly GeneratorQueueBudget _budget = new(1000);

    [Fact]
    public void One_tenant_has_half_of_the_memory_and_leaves_the_rest_to_the_others()
    {
        var greedy = new GeneratorQueueShare(_budget, _time);
        var other = new GeneratorQueueShare(_budget, _time);

        Assert.True(greedy.TryTake(300));
        Assert.True(greedy.TryTake(200));
        Assert.False(greedy.TryTake(1));
        Assert.True(other.TryTake(500));
        Assert.False(new GeneratorQueueShare(_budget, _time).TryTake(1));
        Assert.Equal(1000, _budget.WaitingBytes);

        greedy.Return(300);
        greedy.Return(200);
        other.Return(500);
        Assert.Equal(0, _budget.WaitingBytes);
    }

    [Fact]
    public void A_request_larger_than_the_share_is_admitted_alone()
    {
        var queue = new GeneratorQueueShare(_budget, _time);

        Assert.True(queue.TryTake(900));
        Assert.False(queue.TryTake(1));
        queue.Return(900);
        Assert.True(queue.TryTake(10));
        Assert.False(queue.TryTake(900));
    }

    [Theory]
    [InlineData(250, 0)]
    [InlineData(251, 1)]
    [InlineData(375, 25)]
    [InlineData(500, 200)]
    public void Beyond_half_of_the_share_answers_are_delayed_longer_the_fuller_the_queue_is(int waiting, int milliseconds)
    {
        var queue = new GeneratorQueueShare(_budget, _time);
        queue.TryTake(waiting);

        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), queue.Hold());
    }

    [Fact]
    public void A_stuck_generator_delays_nobody_until_it_recovers()
    {
        var queue = new GeneratorQueueShare(_budget, _time);
        queue.TryTake(300);
        queue.TryTake(200);

        _time.Advance(TimeSpan.FromMilliseconds(501));
        Assert.Equal(TimeSpan.Zero, queue.Hold());

        queue.Return(125);
        Assert.Equal(TimeSpan.FromMilliseconds(25), queue.Hold());
    }
}
