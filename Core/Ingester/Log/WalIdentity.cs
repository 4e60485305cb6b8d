using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// This process's identity for the write-ahead log: the directory <c>storage.trace.wal.path</c>, which it holds exclusively while it lives, and what
/// the directory says about the process that held it before.
/// <code>
/// lock             held by the operating system: its previous holder is dead
/// identity.json    an ID that successive processes share, the object store stream of the last one, and which segments hold records
/// 0000….wal        segments, if the log is in files
/// </code>
/// The file names the machine and directory it was made for. In a copy of the directory it means nothing, because the process that holds the original
/// may be alive. Without the directory, a process has no identity, and leaves its stream for others to adopt.
/// </summary>
public sealed partial class WalIdentity : IDisposable
{
    private const string FileName = "identity.json";

    private readonly DirectoryLock? _lock;
    private readonly ILogger _logger;
    private readonly Lock _gate = new();

    // Guarded by _gate once the log is open.
    private Record? _record;

    private WalIdentity(string? directory, DirectoryLock? held, ILogger logger)
    {
        Directory = directory;
        _lock = held;
        _logger = logger;
        if (directory is null)
            return;
        if (Read() is { } there && there.Machine == Environment.MachineName && there.Directory == directory && (there.Stream is null || ObjectName.IsSegment(there.Stream)))
            _record = there;
        else
            Write(new Record(Guid.NewGuid().ToString("N"), Environment.MachineName, directory, null));
    }

    /// <summary>The directory that this process holds; null for none.</summary>
    public string? Directory { get; }

    /// <summary>This process's place in its cluster; null if it runs alone.</summary>
    public WalMember? Member { get; init; }

    /// <summary>
    /// Whether this process leaves its cluster in order. Membership then calls it dead before its log is closed, so its records do not name it any
    /// more, and only its silence counts.
    /// </summary>
    internal bool IsLeaving { get; set; }

    /// <summary>The object store stream of this identity's last process; null for none.</summary>
    public string? Stream => _record?.Stream;

    /// <summary>The ID shared by the processes that hold the directory one after another; null if this one has no identity.</summary>
    internal string? Id => _record?.Id;

    /// <summary>The segments noted as holding records: if one is gone or empty, somebody else removed it.</summary>
    internal IReadOnlyList<long> WrittenSegments
    {
        get
        {
            lock (_gate)
                return _record?.Written ?? [];
        }
    }

    /// <summary>A unique name for this process: machine, process ID and a GUID.</summary>
    internal string Owner { get; } = $"{Environment.MachineName}/{Environment.ProcessId}/{Guid.NewGuid():N}";

    /// <summary>Locks the directory, creating it if needed.</summary>
    /// <exception cref="IOException">Another process uses it, or it cannot be created or written to.</exception>
    public static WalIdentity Claim(string path, ILogger logger, WalMember? member = null) => Claim(path, logger, new WalDisk(), member);

    /// <summary>Locks the directory; if it cannot, the process continues without an identity, which is logged.</summary>
    public static WalIdentity ClaimOrNone(string path, ILogger logger, WalMember? member = null)
    {
        try
        {
            return Claim(path, logger, member);
        }
        catch (IOException e)
        {
            LogNone(logger, e.Message);
            return None(logger, member);
        }
    }

    /// <summary>The identity of a process that cannot prove who it is.</summary>
    public static WalIdentity None(ILogger logger, WalMember? member = null) => new(null, null, logger) { Member = member };

    internal static WalIdentity Claim(string path, ILogger logger, WalDisk disk, WalMember? member = null)
    {
        // Absolute, so that the log stays put when the process changes its current directory.
        path = Path.GetFullPath(path);
        DirectoryLock? held;
        try
        {
            Create(path, disk);
            held = DirectoryLock.TryAcquire(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw CannotOpen(path, e);
        }

        return held is not null
            ? new WalIdentity(path, held, logger) { Member = member }
            : throw new IOException($"the write-ahead log in '{path}' is in use by another process; give each process its own storage.trace.wal.path");
    }

    internal static IOException CannotOpen(string path, Exception e) =>
        new($"the write-ahead log cannot be opened in '{path}': {e.Message}; make the directory writable for this process, or choose another storage.trace.wal.path", e);

    /// <summary>Records the stream that this process writes to, before the first write.</summary>
    internal void NoteStream(string stream)
    {
        lock (_gate)
        {
            if (_record is not null)
                Write(_record with { Stream = stream });
        }
    }

    /// <summary>Records that a segment holds records from now on.</summary>
    internal void NoteWritten(long segment) => Note(written => written.Contains(segment) ? written : [.. written, segment]);

    /// <summary>Records, before segments are deleted or emptied, that they need not exist any more.</summary>
    internal void NoteReleased(IEnumerable<long> segments) => Note(written => [.. written.Except(segments)]);

    /// <summary>Whether the owner is a process that held the directory before, and so is dead.</summary>
    internal bool IsFormer(WalOwner owner) => Id is not null && owner.Identity == Id && owner.Owner != Owner;

    internal bool IsOwn(ReadOnlyMemory<byte> json) => WalOwner.Read(json.Span)?.Owner == Owner;

    internal byte[] OwnerAt(DateTimeOffset now, WalOwnerState state, bool isReplaying = false) => new WalOwner(Owner, now, state, Id, IsLeaving ? null : Member?.Silo, isReplaying).ToJson();

    public void Dispose() => _lock?.Dispose();

    private static void Create(string path, WalDisk disk)
    {
        var parents = new List<string>();
        for (var missing = path; !System.IO.Directory.Exists(missing) && Path.GetDirectoryName(missing) is { } parent; missing = parent)
            parents.Add(parent);
        System.IO.Directory.CreateDirectory(path);
        foreach (var parent in parents)
            disk.FlushDirectory(parent);
    }

    private Record? Read()
    {
        try
        {
            return OwnerJson.Read<Record>(File.ReadAllBytes(Path.Combine(Directory!, FileName)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // The value in memory is right even if it could not be written; the next write includes it.
    private void Note(Func<long[], long[]> change)
    {
        lock (_gate)
        {
            if (_record is null)
                return;
            var former = _record.Written ?? [];
            var written = change(former);
            if (written.Length == former.Length)
                return;
            _record = _record with { Written = written.Length == 0 ? null : written };
            Write(_record);
        }
    }

    // If this fails, the old file stays and names a stream that this process does not write to; the next process finds nothing of its own in it.
    private void Write(Record record)
    {
        var path = Path.Combine(Directory!, FileName);
        try
        {
            // Flushed before it replaces the old file, because the machine may lose power in between.
            using (var file = new FileStream(path + "~", FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.WriteThrough))
                file.Write(OwnerJson.Write(record));
            File.Move(path + "~", path, overwrite: true);
            _record = record;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotWritten(_logger, path, e.Message);
        }
    }

    /// <param name="Id">See <see cref="WalIdentity.Id"/>.</param>
    /// <param name="Machine">The machine that the file was made on.</param>
    /// <param name="Directory">The directory that the file was made in.</param>
    /// <param name="Stream">See <see cref="WalIdentity.Stream"/>.</param>
    /// <param name="Written">See <see cref="WrittenSegments"/>; null for none.</param>
    private sealed record Record(string Id, string Machine, string Directory, string? Stream, long[]? Written = null);

    [LoggerMessage(1421, LogLevel.Information, "After a crash, this process cannot resume its own write-ahead log stream at once; the stream is adopted after 30 s instead: {Reason}")]
    private static partial void LogNone(ILogger logger, string reason);

    [LoggerMessage(1422, LogLevel.Warning, "Cannot write {Path}: {Reason}. After a crash, this process can neither resume its own write-ahead log stream in the object store at once (it is adopted after 30 s), nor tell whether files of its log are missing")]
    private static partial void LogNotWritten(ILogger logger, string path, string reason);
}
