using System.Threading.Channels;
using OrleansTempo.Grains;

namespace OrleansTempo.Cluster;

public sealed class CallBatcherTests
{
    private readonly Channel<(List<int> Messages, TaskCompletionSource Answer)> _calls = Channel.CreateUnbounded<(List<int>, TaskCompletionSource)>();
    private readonly CallBatcher<int> _gathering;

    public CallBatcherTests() => _gathering = new CallBatcher<int>(2, messages =>
    {
        var answer = new TaskCompletionSource();
        _calls.Writer.TryWrite((messages, answer));
        return answer.Task;
    });

    [Fact]
    public async Task A_message_is_sent_at_once_while_few_calls_are_in_flight()
    {
        _gathering.Add(1, 10);
        _gathering.Add(2, 10);

        Assert.Equal([1], (await NextAsync()).Messages);
        Assert.Equal([2], (await NextAsync()).Messages);
    }

    [Fact]
    public async Task Messages_that_arrive_during_calls_are_sent_with_the_next_one_in_order()
    {
        for (var i = 1; i <= 5; i++)
            _gathering.Add(i, 10);
        var (first, second) = (await NextAsync(), await NextAsync());
        Assert.False(_calls.Reader.TryRead(out _));

        second.Answer.SetResult();
        var third = await NextAsync();
        Assert.Equal([3, 4, 5], third.Messages);
        _gathering.Add(6, 10);
        Assert.False(_calls.Reader.TryRead(out _));
        first.Answer.SetResult();
        Assert.Equal([6], (await NextAsync()).Messages);
    }

    [Fact]
    public async Task Large_or_numerous_messages_wait_for_no_call()
    {
        _gathering.Add(1, 10);
        _gathering.Add(2, 10);
        _gathering.Add(3, 10);
        _gathering.Add(4, 200_000);
        await NextAsync();
        await NextAsync();
        Assert.Equal([3, 4], (await NextAsync()).Messages);

        for (var i = 0; i < 15; i++)
            _gathering.Add(i, 10);
        Assert.False(_calls.Reader.TryRead(out _));
        _gathering.Add(15, 10);
        Assert.Equal(Enumerable.Range(0, 16), (await NextAsync()).Messages);
    }

    private async Task<(List<int> Messages, TaskCompletionSource Answer)> NextAsync() => await _calls.Reader.ReadAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
}
