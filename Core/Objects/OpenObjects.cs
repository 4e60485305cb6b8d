using Microsoft.Win32.SafeHandles;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Files kept open for the next read, the least recently used closed first: a trace is looked for in every block, a page from
/// each. A file is also closed some minutes after it was opened, for one that another process has deleted takes up its space
/// until then. A file in use stays open until the last of its users returns it.
/// </summary>
internal sealed class OpenObjects : IDisposable
{
    public const int Capacity = 512;

    public static readonly TimeSpan MaxAge = TimeSpan.FromMinutes(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<string, OpenObject> _byName = [];
    private readonly LinkedList<OpenObject> _byUse = [];
    private readonly TimeProvider _time;
    private readonly ITimer _aging;

    public OpenObjects(TimeProvider time)
    {
        _time = time;
        _aging = time.CreateTimer(static self => ((OpenObjects)self!).CloseOld(), this, MaxAge, MaxAge);
    }

    public int Count
    {
        get
        {
            lock (_gate)
                return _byName.Count;
        }
    }

    /// <summary>The open file of an object, to be returned; null where it is not open.</summary>
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

    /// <summary>Takes over a file just opened and rents it out; it may be another's, who opened the same one at the same time.</summary>
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

    /// <summary>One open file; all but its handle belongs to the lock.</summary>
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
