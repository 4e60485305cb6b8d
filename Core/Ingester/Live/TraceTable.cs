using System.Buffers;
using System.Runtime.CompilerServices;

namespace OrleansTempo.Core.Ingester.Live;

/// <summary>
/// The traces of a generation by ID, in order of arrival. The arrays are rented: a generation has some ten thousand traces, and each block ends one
/// generation and starts another, so fresh arrays would be megabytes of garbage every second.
/// </summary>
internal sealed class TraceTable : IDisposable
{
    private const int SmallestLength = 16;

    private LiveTrace[] _traces = [];
    private int[] _slots = [];
    private int _mask;

    public int Count { get; private set; }

    /// <summary>The memory held, in bytes, used or not.</summary>
    public long MemoryBytes => ((long)_traces.Length * Unsafe.SizeOf<LiveTrace>()) + ((long)_slots.Length * sizeof(int));

    /// <summary>All traces; valid until the next one is added.</summary>
    public Span<LiveTrace> All => _traces.AsSpan(0, Count);

    /// <summary>The trace of an ID, added if it is new, with nothing but its ID; valid until the next one is added.</summary>
    public ref LiveTrace GetOrAdd(TraceId id, out bool isNew)
    {
        if (_slots.Length == 0 || Count * 2 > _mask)
            Grow();
        var slot = SlotOf(id);
        isNew = _slots[slot] == 0;
        if (isNew)
        {
            _traces[Count] = new LiveTrace { Id = id };
            _slots[slot] = ++Count;
        }

        return ref _traces[_slots[slot] - 1];
    }

    /// <summary>The trace of an ID; a null reference if there is none.</summary>
    public ref readonly LiveTrace Find(TraceId id)
    {
        if (_slots.Length == 0)
            return ref Unsafe.NullRef<LiveTrace>();
        var index = _slots[SlotOf(id)] - 1;
        if (index < 0)
            return ref Unsafe.NullRef<LiveTrace>();
        return ref _traces[index];
    }

    /// <summary>Removes the trace that was added last.</summary>
    public void RemoveLast()
    {
        _slots[SlotOf(_traces[Count - 1].Id)] = 0;
        if (--Count == 0)
            Dispose();
    }

    /// <summary>Gives the arrays back and leaves the table empty.</summary>
    public void Dispose()
    {
        if (_traces.Length > 0)
            ArrayPool<LiveTrace>.Shared.Return(_traces);
        if (_slots.Length > 0)
            ArrayPool<int>.Shared.Return(_slots);
        _traces = [];
        _slots = [];
        _mask = 0;
        Count = 0;
    }

    // The slot that holds the trace, or is free for it. Clients choose trace IDs, so the hash is keyed: nobody can prepare IDs that collide.
    private int SlotOf(TraceId id)
    {
        var slot = (int)Utf8Hash.Of(id.High, id.Low) & _mask;
        while (_slots[slot] is not 0 and var number && _traces[number - 1].Id != id)
            slot = (slot + 1) & _mask;
        return slot;
    }

    private void Grow()
    {
        var (traces, slots) = (_traces, _slots);
        var length = Math.Max(SmallestLength, (_mask + 1) * 2);
        _slots = ArrayPool<int>.Shared.Rent(length);
        _mask = length - 1;
        Array.Clear(_slots, 0, length);

        // Half as many as slots, and not one more: the pool would double the array.
        if (traces.Length < length / 2)
        {
            _traces = ArrayPool<LiveTrace>.Shared.Rent(length / 2);
            traces.AsSpan(0, Count).CopyTo(_traces);
            if (traces.Length > 0)
                ArrayPool<LiveTrace>.Shared.Return(traces);
        }

        if (slots.Length > 0)
            ArrayPool<int>.Shared.Return(slots);
        for (var i = 0; i < Count; i++)
            _slots[SlotOf(_traces[i].Id)] = i + 1;
    }
}
