using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Microsoft.Win32.SafeHandles;

namespace OrleansTempo.Core.Objects;

/// <summary>
/// Stores objects as files below one directory, which may be a volume shared by several processes and machines.
/// <code>
/// put ──► ~tmp/3f2a…  written, flushed
///              │
///              │  under ~locks/c7, the lock of all names with this hash:
///              │    if absent: link(2), which never replaces      if match: compare ETags first
///              ▼
///         blocks/team-a/…/meta.json                then the directories up to the root are flushed
/// </code>
/// Object names never contain <c>~</c>. <c>~lock</c> says who else may use the directory, see <see cref="Open"/>. An ETag is the content's hash, so
/// putting the same content again is no change. Locks are the file system's, and end with their process. On a volume without locks (mounted without
/// locking), simultaneous conditional puts by several machines can both succeed; puts of absent objects still cannot.
/// </summary>
public sealed partial class FileObjectStore : IObjectStore, IDisposable
{
    private const string TemporaryFolder = "~tmp";
    private const string LockFolder = "~locks";
    private const string UseLock = "~lock";

    // When an open file is deleted, an NFS client renames it to this until it is closed.
    private const string DeletedOnNfs = ".nfs";

    // For putting an object into a folder that others may be removing.
    private const int MaxAttempts = 100;

    private const int NotFound = 2;
    private const int AlreadyExists = 17;

    private static readonly TimeSpan s_leftoverAge = TimeSpan.FromHours(1);
    private static readonly TimeSpan s_lockTimeout = TimeSpan.FromSeconds(30);

    private readonly string _root;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly OpenObjectCache _open;

    // One per lock file: callers within the process queue here instead of polling the file system.
    private readonly SemaphoreSlim[] _locks = new SemaphoreSlim[256];

    // Keeps other processes out of the directory; null if opened without a lock.
    private DirectoryLock? _use;

    /// <summary>Opens the store without a lock, for callers that keep other processes out in another way, see <see cref="Open"/>.</summary>
    /// <param name="root">The directory; created if it does not exist.</param>
    /// <param name="time">The clock that leftovers and open files age by.</param>
    /// <param name="logger">Receives messages about leftovers.</param>
    /// <exception cref="IOException">The directory cannot be created or written to.</exception>
    public FileObjectStore(string root, TimeProvider time, ILogger logger)
    {
        _root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        _time = time;
        _logger = logger;
        for (var i = 0; i < _locks.Length; i++)
            _locks[i] = new(1, 1);

        try
        {
            Directory.CreateDirectory(Path.Combine(_root, TemporaryFolder));
            Directory.CreateDirectory(Path.Combine(_root, LockFolder));
            SweepLeftovers();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"the object store's directory '{_root}' cannot be used: {e.Message}", e);
        }

        _open = new OpenObjectCache(time);
    }

    /// <summary>
    /// Opens the store, and locks the directory until it is disposed: exclusively for a process that runs alone, shared for the members of a cluster.
    /// </summary>
    /// <param name="root">The directory; created if it does not exist.</param>
    /// <param name="isAlone">Whether this process runs alone and relies on being the only writer.</param>
    /// <param name="setting">The configuration key that names the directory.</param>
    /// <param name="time">The clock that leftovers and open files age by.</param>
    /// <param name="logger">Receives messages about leftovers.</param>
    /// <exception cref="IOException">Another process uses the directory, or it cannot be created or written to.</exception>
    public static FileObjectStore Open(string root, bool isAlone, string setting, TimeProvider time, ILogger logger)
    {
        var store = new FileObjectStore(root, time, logger);
        try
        {
            store._use = DirectoryLock.TryAcquire(store._root, UseLock, isShared: !isAlone);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            store.Dispose();
            throw new IOException($"the object store's directory '{store._root}' cannot be locked: {e.Message}; make it writable for this process, or choose another {setting}", e);
        }

        if (store._use is not null)
            return store;
        store.Dispose();
        throw new IOException(isAlone
            ? $"the object store's directory '{store._root}' is in use by another process, and this one runs alone; stop the other one, give each its own {setting}, or join them into one cluster with Orleans:Clustering"
            : $"the object store's directory '{store._root}' is in use by a process that runs alone; stop that process, give each its own {setting}, or configure Orleans:Clustering there too");
    }

    public Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        WriteAsync(name, content, Replace, cancellationToken)!;

    public Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        WriteAsync(name, content, TryLink, cancellationToken);

    public Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default) =>
        WriteAsync(
            name,
            content,
            (temporary, path) => ReadWhole(path) is { } now && ETag(now) == etag && Replace(temporary, path),
            cancellationToken);

    public async Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default)
    {
        var path = PathOf(name);
        var temporary = TemporaryPath();
        var handle = await Run("create", name, path, () => OpenTemporary(temporary), cancellationToken).ConfigureAwait(false);
        return new Writer(this, name, path, temporary, handle);
    }

    public async Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default)
    {
        var path = PathOf(name);
        var content = await Run("read", name, path, () => ReadWhole(path), cancellationToken).ConfigureAwait(false);
        if (content is not null)
            return new StoredObject(content, ETag(content));
        ThrowIfGone();
        return null;
    }

    public async ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var path = PathOf(name);
        if (_open.Rent(name) is { } open)
        {
            try
            {
                return await FillAsync(open.Handle, offset, target, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException)
            {
                // A handle can go stale on a network volume; whether the object still exists is checked below.
                _open.Drop(name);
            }
            finally
            {
                _open.Return(open);
            }
        }

        try
        {
            if (await Run("read", name, path, () => TryOpen(path), cancellationToken).ConfigureAwait(false) is not { } handle)
            {
                ThrowIfGone();
                return -1;
            }

            if (!IsImmutable(name))
            {
                using (handle)
                    return await FillAsync(handle, offset, target, cancellationToken).ConfigureAwait(false);
            }

            open = _open.Keep(name, handle);
            try
            {
                return await FillAsync(open.Handle, offset, target, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                _open.Return(open);
            }
        }
        catch (IOException e)
        {
            throw Failed("read", name, path, e);
        }
    }

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ObjectName.ValidatePrefix(prefix);
        var slash = prefix.LastIndexOf('/') + 1;
        var folders = new Stack<string>([prefix[..slash]]);
        var beginning = prefix[slash..];
        while (folders.TryPop(out var folder))
        {
            var (objects, below) = await Run("list", folder, PathOfFolder(folder), () => ReadFolder(folder, beginning), cancellationToken).ConfigureAwait(false);
            foreach (var found in objects)
                yield return found;
            foreach (var name in below)
                folders.Push(name);
            beginning = "";
        }
    }

    public async Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default)
    {
        ObjectName.ValidatePrefix(prefix);
        if (prefix.Length > 0 && !prefix.EndsWith('/'))
            throw new ArgumentException($"'{prefix}' is not a folder: a folder is empty or ends with '/'", nameof(prefix));

        return await Run(
            "list",
            prefix,
            PathOfFolder(prefix),
            () => (IReadOnlyList<string>)[.. ReadFolder(prefix, "").Folders.Where(HasObjects).Select(folder => folder[prefix.Length..^1])],
            cancellationToken).ConfigureAwait(false);
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken = default) =>
        DeleteAsync(name, File.Exists, cancellationToken);

    public Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default) =>
        DeleteAsync(name, path => ReadWhole(path) is { } now && ETag(now) == etag, cancellationToken);

    /// <summary>Closes the open files and releases the directory; the store must not be used afterwards.</summary>
    public void Dispose()
    {
        _open.Dispose();
        _use?.Dispose();
        foreach (var one in _locks)
            one.Dispose();
    }

    private static bool IsImmutable(string name) => name.EndsWith("/" + ObjectName.WrittenOnce, StringComparison.Ordinal);

    private static string ETag(ReadOnlySpan<byte> content) => Convert.ToHexStringLower(SHA256.HashData(content).AsSpan(0, 16));

    private static async ValueTask<int> FillAsync(SafeFileHandle handle, long offset, Memory<byte> target, CancellationToken cancellationToken)
    {
        var filled = 0;
        while (filled < target.Length)
        {
            var read = await RandomAccess.ReadAsync(handle, target[filled..], offset + filled, cancellationToken).ConfigureAwait(false);
            if (read == 0)
                break;
            filled += read;
        }

        return filled;
    }

    // If nothing is found, the volume may not be mounted. Then the folders it was opened with are missing too, and a missing object must not be
    // mistaken for one that never existed.
    private void ThrowIfGone()
    {
        if (!Directory.Exists(Path.Combine(_root, TemporaryFolder)))
            throw new IOException($"the object store's directory '{_root}' has disappeared or been replaced since it was opened; is its volume mounted?");
    }

    private static SafeFileHandle? TryOpen(string path)
    {
        try
        {
            return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.Asynchronous | FileOptions.RandomAccess);
        }
        catch (Exception e) when (IsNotAnObject(e, path))
        {
            return null;
        }
    }

    private static byte[]? ReadWhole(string path)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
                var content = new byte[file.Length];
                file.ReadExactly(content);
                return content;
            }
            catch (Exception e) when (IsNotAnObject(e, path))
            {
                return null;
            }
            catch (IOException) when (attempt == 1)
            {
                // On a network volume, the file goes stale when another machine replaces it in the meantime.
            }
        }
    }

    // Besides missing files: a folder, and names below an object.
    private static bool IsNotAnObject(Exception e, string path) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => true,
        UnauthorizedAccessException => Directory.Exists(path),
        IOException => !File.Exists(path) && ParentIsFile(path),
        _ => false,
    };

    private static bool ParentIsFile(string path)
    {
        for (var parent = Path.GetDirectoryName(path); parent is not null; parent = Path.GetDirectoryName(parent))
        {
            if (File.Exists(parent))
                return true;
        }

        return false;
    }

    private static SafeFileHandle OpenTemporary(string path) =>
        File.OpenHandle(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, FileOptions.Asynchronous);

    private static bool Replace(string temporary, string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.Move(temporary, path, overwrite: true);
        return true;
    }

    // Not File.Move, which copies if it cannot link: others would see the object half written.
    private static bool TryLink(string temporary, string path)
    {
        if (Directory.Exists(path))
            throw new IOException("a folder of that name exists");
        if (File.Exists(path))
            return false;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        if (OperatingSystem.IsWindows())
        {
            try
            {
                File.Move(temporary, path);
                return true;
            }
            catch (IOException) when (File.Exists(path))
            {
                return false;
            }
        }

        if (Link(temporary, path) == 0)
            return true;
        return Marshal.GetLastPInvokeError() switch
        {
            AlreadyExists => false,
            NotFound => throw new DirectoryNotFoundException($"the folder of '{path}' has been removed"),

            // A volume without links: only the lock keeps others away.
            _ => Replace(temporary, path),
        };
    }

    [LibraryImport("libc", EntryPoint = "link", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Link(string existing, string added);

    private static IOException Failed(string action, string name, string path, Exception e) =>
        new($"cannot {action} '{name}' ({path}): {e.Message}", e);

    // Runs off the caller's thread, which may be the only one of a grain, and adds to errors what failed and where.
    private static async Task<T> Run<T>(string action, string name, string path, Func<T> work, CancellationToken cancellationToken)
    {
        try
        {
            return await Task.Run(work, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Failed(action, name, path, e);
        }
    }

    /// <summary>
    /// Writes the content to a temporary file and, holding the name's lock, lets <paramref name="place"/> move it from the first path to the second;
    /// null if it did not.
    /// </summary>
    private async Task<string?> WriteAsync(string name, ReadOnlyMemory<byte> content, Func<string, string, bool> place, CancellationToken cancellationToken)
    {
        var path = PathOf(name);
        var temporary = TemporaryPath();
        try
        {
            await Run(
                "write",
                name,
                path,
                () =>
                {
                    using var handle = OpenTemporary(temporary);
                    RandomAccess.Write(handle, content.Span, 0);
                    RandomAccess.FlushToDisk(handle);
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
            return await PlaceAsync(name, path, temporary, place, cancellationToken).ConfigureAwait(false) ? ETag(content.Span) : null;
        }
        finally
        {
            TryDelete(temporary);
        }
    }

    private async Task<bool> PlaceAsync(string name, string path, string temporary, Func<string, string, bool> place, CancellationToken cancellationToken)
    {
        using (await LockAsync(name, path, cancellationToken).ConfigureAwait(false))
        {
            return await Run(
                "write",
                name,
                path,
                () =>
                {
                    if (!Place(temporary, path, place))
                        return false;
                    _open.Drop(name);
                    FlushFolders(path);
                    return true;
                },
                CancellationToken.None).ConfigureAwait(false);
        }
    }

    private async Task<bool> DeleteAsync(string name, Func<string, bool> isMeant, CancellationToken cancellationToken)
    {
        var path = PathOf(name);
        using (await LockAsync(name, path, cancellationToken).ConfigureAwait(false))
        {
            var deleted = await Run(
                "delete",
                name,
                path,
                () =>
                {
                    if (!isMeant(path))
                        return false;
                    File.Delete(path);
                    RemoveEmptyFolders(path);
                    FlushFolders(path);
                    return true;
                },
                CancellationToken.None).ConfigureAwait(false);
            _open.Drop(name);
            return deleted;
        }
    }

    /// <summary>
    /// Lets <paramref name="place"/> move a file into a folder that it creates, again if the folder is gone by then: whoever deletes a folder's last
    /// object removes the folder. If that happens while the folder is being created, .NET says that it already exists.
    /// </summary>
    internal static bool Place(string temporary, string path, Func<string, string, bool> place)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return place(temporary, path);
            }
            catch (IOException e) when ((e is DirectoryNotFoundException or FileNotFoundException || e.HResult == AlreadyExists) && attempt < MaxAttempts && File.Exists(temporary))
            {
            }
        }
    }

    /// <summary>Holds this name's lock against all other writers in all processes until disposed.</summary>
    private async Task<IDisposable> LockAsync(string name, string path, CancellationToken cancellationToken)
    {
        var stripe = SHA256.HashData(Encoding.UTF8.GetBytes(name))[0];
        var within = _locks[stripe];
        var lockPath = Path.Combine(_root, LockFolder, stripe.ToString("x2"));
        var started = _time.GetTimestamp();
        await within.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                try
                {
                    var file = await Task.Run(() => new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0), cancellationToken).ConfigureAwait(false);
                    return new HeldLock(within, file);
                }
                catch (IOException) when (File.Exists(lockPath) && _time.GetElapsedTime(started) < s_lockTimeout)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(2, 20)), _time, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (Exception e)
        {
            within.Release();
            if (e is IOException or UnauthorizedAccessException)
                throw Failed("lock", name, path, e);
            throw;
        }
    }

    private (List<ObjectInfo> Objects, List<string> Folders) ReadFolder(string folder, string beginning)
    {
        var objects = new List<ObjectInfo>();
        var folders = new List<string>();
        try
        {
            foreach (var entry in new DirectoryInfo(PathOfFolder(folder)).EnumerateFileSystemInfos())
            {
                if (!ObjectName.IsSegment(entry.Name) || !entry.Name.StartsWith(beginning, StringComparison.Ordinal))
                    continue;
                if (entry is DirectoryInfo)
                    folders.Add($"{folder}{entry.Name}/");
                else if (!entry.Name.StartsWith(DeletedOnNfs, StringComparison.Ordinal) && Describe(folder, (FileInfo)entry) is { } found)
                    objects.Add(found);
            }
        }
        catch (DirectoryNotFoundException)
        {
            // Never existed, or was removed while being read.
        }
        catch (IOException) when (ParentIsFile(PathOfFolder(folder)))
        {
        }

        if (objects.Count + folders.Count == 0)
            ThrowIfGone();
        return (objects, folders);
    }

    private static ObjectInfo? Describe(string folder, FileInfo file)
    {
        try
        {
            return new ObjectInfo(folder + file.Name, file.Length, new DateTimeOffset(file.LastWriteTimeUtc));
        }
        catch (FileNotFoundException)
        {
            return null;
        }
    }

    private bool HasObjects(string folder)
    {
        var (objects, below) = ReadFolder(folder, "");
        return objects.Count > 0 || below.Any(HasObjects);
    }

    private void RemoveEmptyFolders(string path)
    {
        for (var folder = Path.GetDirectoryName(path)!; folder != _root; folder = Path.GetDirectoryName(folder)!)
        {
            try
            {
                if (Directory.EnumerateFileSystemEntries(folder).Any())
                    return;
                Directory.Delete(folder);
            }
            catch (DirectoryNotFoundException)
            {
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Another process has put something into it, or it may not be removed; an empty folder does no harm.
                return;
            }
        }
    }

    // Up to the root, because any folder may have just been created, perhaps by another process.
    private void FlushFolders(string path)
    {
        for (var folder = Path.GetDirectoryName(path)!; ; folder = Path.GetDirectoryName(folder)!)
        {
            FlushIfThere(folder);
            if (folder == _root)
                return;
        }
    }

    // A folder is removed with its last object; then it needs no flushing.
    private static void FlushIfThere(string folder)
    {
        try
        {
            DirectorySync.Flush(folder);
        }
        catch (IOException e) when (e.HResult == NotFound)
        {
        }
    }

    private void SweepLeftovers()
    {
        foreach (var file in new DirectoryInfo(Path.Combine(_root, TemporaryFolder)).EnumerateFiles())
        {
            if (_time.GetUtcNow() - file.LastWriteTimeUtc < s_leftoverAge)
                continue;
            try
            {
                // If somebody still writes it, it is locked.
                using (new FileStream(file.FullName, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                    file.Delete();
                LogLeftover(file.FullName, file.LastWriteTimeUtc);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                LogLeftoverStays(file.FullName, e.Message);
            }
        }
    }

    private static void TryDelete(string temporary)
    {
        try
        {
            File.Delete(temporary);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next start deletes it.
        }
    }

    private string TemporaryPath() => Path.Combine(_root, TemporaryFolder, Guid.NewGuid().ToString("N"));

    private string PathOf(string name)
    {
        ObjectName.Validate(name);
        return Path.Combine(_root, name.Replace('/', Path.DirectorySeparatorChar));
    }

    private string PathOfFolder(string folder) => Path.Combine(_root, folder.TrimEnd('/').Replace('/', Path.DirectorySeparatorChar));

    [LoggerMessage(1201, LogLevel.Information, "Deleted {Path}, which a process that ended while writing had left behind on {LastModified:O}")]
    private partial void LogLeftover(string path, DateTime lastModified);

    [LoggerMessage(1202, LogLevel.Warning, "The leftover {Path} cannot be deleted: {Reason}")]
    private partial void LogLeftoverStays(string path, string reason);

    private sealed class HeldLock(SemaphoreSlim within, FileStream file) : IDisposable
    {
        public void Dispose()
        {
            file.Dispose();
            within.Release();
        }
    }

    private sealed class Writer(FileObjectStore store, string name, string path, string temporary, SafeFileHandle handle) : IObjectWriter
    {
        private long _length;
        private bool _completed;

        public async ValueTask WriteAsync(ReadOnlyMemory<byte> part, CancellationToken cancellationToken = default)
        {
            ThrowIfCompleted();
            try
            {
                await RandomAccess.WriteAsync(handle, part, _length, cancellationToken).ConfigureAwait(false);
                _length += part.Length;
            }
            catch (IOException e)
            {
                throw Failed("write", name, path, e);
            }
        }

        public async Task CompleteAsync(CancellationToken cancellationToken = default)
        {
            ThrowIfCompleted();
            await Run(
                "write",
                name,
                path,
                () =>
                {
                    RandomAccess.FlushToDisk(handle);
                    handle.Dispose();
                    return true;
                },
                cancellationToken).ConfigureAwait(false);
            _completed = true;
            await store.PlaceAsync(name, path, temporary, Replace, cancellationToken).ConfigureAwait(false);
        }

        public ValueTask DisposeAsync()
        {
            handle.Dispose();
            TryDelete(temporary);
            return default;
        }

        private void ThrowIfCompleted()
        {
            if (_completed)
                throw new InvalidOperationException($"'{name}' has already been completed");
        }
    }
}
