using OrleansTempo.Core.Ingester.Live;

namespace OrleansTempo.Core.Tests.Ingester.Live;

public sealed class IngesterMemoryTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly ManualTimeProvider _time = new();
    private readonly IngesterMemory _memory = new(1000);

    [Fact]
    public void Memory_is_full_when_all_is_held_and_short_when_half_is_uncut()
    {
        _memory.Add(999, 500);
        Assert.Equal((999, false, false), (_memory.HeldBytes, _memory.IsFull, _memory.IsShort));

        _memory.Add(1, 1);
        Assert.Equal((1000, true, true), (_memory.HeldBytes, _memory.IsFull, _memory.IsShort));

        // Cut, but not yet written.
        _memory.Add(0, -501);
        Assert.Equal((1000, true, false), (_memory.HeldBytes, _memory.IsFull, _memory.IsShort));

        _memory.Add(-1000, 0);
        Assert.Equal((0, false, false), (_memory.HeldBytes, _memory.IsFull, _memory.IsShort));
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(750, 0)]
    [InlineData(751, 1)]
    [InlineData(875, 25)]
    [InlineData(1000, 100)]
    [InlineData(5000, 100)]
    public void Beyond_three_quarters_of_memory_answers_are_delayed_longer_the_fuller_it_is(int held, int milliseconds)
    {
        _memory.Add(held, 0);

        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), _memory.Hold());
    }

    [Fact]
    public void Nobody_waits_while_there_is_room()
    {
        _memory.Add(999, 0);

        Assert.True(_memory.WaitForRoomAsync(s_patience, _time) is { IsCompletedSuccessfully: true, Result: true });
    }

    [Fact]
    public async Task All_waiting_callers_continue_when_there_is_room()
    {
        _memory.Add(1200, 0);
        var waiting = Enumerable.Range(0, 5).Select(_ => _memory.WaitForRoomAsync(s_patience, _time)).ToArray();

        _memory.Add(-200, 0);
        Assert.DoesNotContain(waiting, static w => w.IsCompleted);
        _memory.Add(-1, 0);

        Assert.DoesNotContain(false, await Task.WhenAll(waiting).WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task A_caller_that_waits_too_long_is_told()
    {
        _memory.Add(1000, 0);
        var waiting = _memory.WaitForRoomAsync(s_patience, _time);

        _time.Advance(s_patience - TimeSpan.FromTicks(1));
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromTicks(1));

        Assert.False(await waiting.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task A_caller_whose_room_is_taken_first_waits_again()
    {
        _memory.Add(1000, 0);
        var waiting = _memory.WaitForRoomAsync(s_patience, _time);

        // Whether or not the waiting caller sees the room before it is gone again, it must keep waiting for more.
        for (var i = 0; i < 100; i++)
        {
            _memory.Add(-10, 0);
            _memory.Add(10, 0);
        }

        if (!waiting.IsCompleted)
            _memory.Add(-10, 0);
        Assert.True(await waiting.WaitAsync(TimeSpan.FromSeconds(30)));
    }
}
