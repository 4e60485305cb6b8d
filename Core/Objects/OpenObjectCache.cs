using Microsoft.Win32.SafeHandles;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Keeps files open for the next read, closing the least recently used first: a lookup reads a page from every block. A file is also closed some
/// minutes after it was opened, because until then a file that another process has deleted takes up space. A file in use stays open until its last
/// user returns it.
/// </summary>
internal sealed class OpenObjectCache : IDisposable
{
    public const int Capacity = 512;

    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, OpenObject> _byName = [];
    private readonly LinkedList<OpenObject> _byUse = [];
    private readonly TimeProvider _time;
    private readonly ITimer _aging;

    public OpenObjectCache(TimeProvider time)
    {
        _time = time;
        _aging = time.CreateTimer(static self => ((OpenObjectCache)self!).CloseOld(), this, MaxAge, MaxAge);
    }

    public int Count
    {
        get
        {
            lock (_gate)
                return _byName.Count;
        }
    }

    /// <summary>Rents an object's open file; null if it is not open.</summary>
    public OpenObject? Rent(string name)
    {
        lock (_gate)
        {
            if (!_byName.TryGetValue(name, out var open))
                return null;
            _byUse.Remove(open.Use);
            _byUse.AddFirst(open.Use);
            open.Users++;
            return open;
        }
    }

    /// <summary>Takes over a newly opened file and rents it out; it may return another caller's handle, if that opened the same file at the same time.</summary>
    public OpenObject Keep(string name, SafeFileHandle handle)
    {
        lock (_gate)
        {
            if (_byName.TryGetValue(name, out var open))
            {
                handle.Dispose();
            }
            else
            {
                if (_byName.Count >= Capacity)
                    Remove(_byUse.Last!.Value);
                open = new OpenObject(name, handle, _time.GetTimestamp());
                _byName.Add(name, open);
                _byUse.AddFirst(open.Use);
            }

            open.Users++;
            return open;
        }
    }

    public void Return(OpenObject open)
    {
        lock (_gate)
        {
            open.Users--;
            CloseIfUnused(open);
        }
    }

    /// <summary>Forgets an object that has been deleted or replaced.</summary>
    public void Drop(string name)
    {
        lock (_gate)
        {
            if (_byName.TryGetValue(name, out var open))
                Remove(open);
        }
    }

    public void Dispose()
    {
        _aging.Dispose();
        lock (_gate)
        {
            while (_byUse.First is { } first)
                Remove(first.Value);
        }
    }

    private void CloseOld()
    {
        lock (_gate)
        {
            for (var node = _byUse.First; node is not null;)
            {
                var open = node.Value;
                node = node.Next;
                if (_time.GetElapsedTime(open.OpenedAt) >= MaxAge)
                    Remove(open);
            }
        }
    }

    private void Remove(OpenObject open)
    {
        _byName.Remove(open.Name);
        _byUse.Remove(open.Use);
        open.IsKept = false;
        CloseIfUnused(open);
    }

    private static void CloseIfUnused(OpenObject open)
    {
        if (open is { IsKept: false, Users: 0 })
            open.Handle.Dispose();
    }

    /// <summary>One open file; everything but its handle is guarded by the lock.</summary>
    internal sealed class OpenObject
    {
        public OpenObject(string name, SafeFileHandle handle, long openedAt)
        {
            Name = name;
            Handle = handle;
            OpenedAt = openedAt;
            Use = new(this);
        }

        public string Name { get; }

        public SafeFileHandle Handle { get; }

        /// <summary>A timestamp of the clock.</summary>
        public long OpenedAt { get; }

        public LinkedListNode<OpenObject> Use { get; }

        public int Users { get; set; }

        public bool IsKept { get; set; } = true;
    }
}
