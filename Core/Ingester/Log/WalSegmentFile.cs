using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>A segment that is being written, by one thread at a time.</summary>
internal sealed class WalSegmentFile : IDisposable
{
    private const string Extension = ".wal";
    private const int NumberDigits = 20;

    private readonly WalDisk _disk;
    private readonly SafeFileHandle _file;
    private long _length;
    private long _flushed;

    private WalSegmentFile(WalDisk disk, string path, long number)
    {
        _disk = disk;
        Path = path;
        Number = number;
        Salt = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        _file = disk.Create(path);
    }

    public string Path { get; }

    public long Number { get; }

    public uint Salt { get; }

    /// <summary>The length of its good part; anything beyond belongs to no acknowledged commit.</summary>
    public long Length => Volatile.Read(ref _length);

    public bool IsFlushed => Volatile.Read(ref _flushed) == Length;

    public static string PathOf(string directory, long number) =>
        System.IO.Path.Combine(directory, number.ToString($"D{NumberDigits}", CultureInfo.InvariantCulture) + Extension);

    /// <summary>The numbers of the segments in a directory, in order.</summary>
    public static List<long> NumbersIn(string directory)
    {
        var numbers = new List<long>();
        foreach (var path in Directory.EnumerateFiles(directory, "*" + Extension))
        {
            var name = System.IO.Path.GetFileNameWithoutExtension(path);
            if (name.Length == NumberDigits && long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                numbers.Add(number);
        }

        numbers.Sort();
        return numbers;
    }

    public static WalSegmentFile Create(WalDisk disk, string directory, long number) => new(disk, PathOf(directory, number), number);

    public void Write(IReadOnlyList<ReadOnlyMemory<byte>> parts, long bytes)
    {
        _disk.Write(_file, parts, _length);
        Volatile.Write(ref _length, _length + bytes);
    }

    /// <summary>Truncates the file to <paramref name="length"/>.</summary>
    public void CutTo(long length)
    {
        Volatile.Write(ref _length, length);
        _disk.SetLength(_file, length);
    }

    /// <summary>Flushes what has been written to the disk; may be called by another thread than the writer.</summary>
    public void Flush()
    {
        // Set even if it fails: the operating system reports the error once, and has then forgotten what it could not write.
        Volatile.Write(ref _flushed, Length);
        _disk.Flush(_file);
    }

    public void Dispose() => _file.Dispose();
}
