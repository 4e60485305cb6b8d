using Microsoft.Win32.SafeHandles;
using OrleansTempo.Core.Ingester.Log;

namespace OrleansTempo.Core.Tests.Ingester.Log;

/// <summary>A real disk that counts calls, and fails or blocks as the test says.</summary>
internal sealed class FaultyWalDisk : WalDisk
{
    private int _flushes;
    private int _directoryFlushes;
    private int _writes;

    public int Flushes => Volatile.Read(ref _flushes);

    public int DirectoryFlushes => Volatile.Read(ref _directoryFlushes);

    public int Writes => Volatile.Read(ref _writes);

    /// <summary>The bytes left on the disk.</summary>
    public long Room { get; set; } = long.MaxValue;

    public bool FlushFails { get; set; }

    public bool CutFails { get; set; }

    public bool CreateFails { get; set; }

    public Action? BeforeWrite { get; set; }

    public override SafeFileHandle Create(string path) => CreateFails ? throw new IOException("Too many open files") : base.Create(path);

    public override void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> parts, long offset)
    {
        Interlocked.Increment(ref _writes);
        BeforeWrite?.Invoke();
        foreach (var part in parts)
        {
            var fits = (int)Math.Min(part.Length, Room);
            RandomAccess.Write(file, part.Span[..fits], offset);
            offset += fits;
            Room -= fits;
            if (fits < part.Length)
                throw new IOException("No space left on device");
        }
    }

    public override void SetLength(SafeFileHandle file, long length)
    {
        if (CutFails)
            throw new IOException("Input/output error");
        base.SetLength(file, length);
    }

    public override void Flush(SafeFileHandle file)
    {
        Interlocked.Increment(ref _flushes);
        if (FlushFails)
            throw new IOException("Input/output error");
    }

    public override void FlushDirectory(string directory) => Interlocked.Increment(ref _directoryFlushes);
}
