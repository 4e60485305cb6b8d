using OrleansTempo.Core.Otlp.Buffers;

namespace OrleansTempo.Core.Tests.Otlp.Buffers;

public class HeapLoadTests
{
    private readonly ManualTimeProvider _time = new();
    private long _used;
    private int _collections;
    private readonly List<long> _shrunk = [];

    [Fact]
    public void A_request_is_refused_before_memory_ends_and_taken_again_when_there_is_some()
    {
        var memory = new RequestMemory(long.MaxValue, Load());
        _used = 800;
        var early = memory.Rent(1000);
        _used = 801;
        _time.Advance(TimeSpan.FromMilliseconds(50));

        var full = Assert.Throws<RequestMemoryException>(() => memory.Rent(1000));
        Assert.Equal("the process's heap is nearly full; try again later, or give the process more memory", full.Message);

        // A request that was admitted is finished.
        early.Length = early.Capacity;
        early.GetMemory(5000);
        early.Return();
        Assert.Equal(0, memory.OutstandingBytes);

        _used = 500;
        _time.Advance(TimeSpan.FromMilliseconds(50));
        memory.Rent(1000).Return();
    }

    [Fact]
    public void A_full_heap_is_collected_once_a_second_because_nothing_else_would_collect_it()
    {
        var load = Load();
        _used = 900;
        for (var i = 0; i < 100; i++)
        {
            Assert.True(load.IsFull());
            _time.Advance(TimeSpan.FromMilliseconds(20));
        }

        Assert.Equal(2, _collections);
        _used = 0;
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(load.IsFull());
        Assert.Equal(2, _collections);
    }

    [Fact]
    public void Memory_of_refused_requests_is_returned_at_most_once_a_minute()
    {
        var memory = new RequestMemory(long.MaxValue, Load());
        var started = _time.GetTimestamp();
        for (var second = 0; second < 180; second++)
        {
            if (second is < 70 or (> 100 and < 103))
                memory.RefusedLarge();
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal([60, 120], _shrunk.Select(at => _time.GetElapsedTime(started, at).TotalSeconds));
    }

    [Fact]
    public void It_goes_back_when_a_burst_of_refusals_is_over()
    {
        var memory = new RequestMemory(long.MaxValue, Load());
        var started = _time.GetTimestamp();
        for (var second = 0; second < 300; second++)
        {
            if (second is < 10 or 100)
                memory.RefusedLarge();
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal([14, 105], _shrunk.Select(at => _time.GetElapsedTime(started, at).TotalSeconds));
    }

    [Fact]
    public void The_process_reports_its_memory()
    {
        Assert.InRange(HeapLoad.MaxBytes, 1 << 20, long.MaxValue);
        Assert.False(HeapLoad.OfProcess(TimeProvider.System).IsFull());
    }

    private HeapLoad Load() => new(() => new(_used, 1000), () => _collections++, () => _shrunk.Add(_time.GetTimestamp()), _time);
}
