using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Storage;

namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// The directory that a process keeps in what waits for its remote write endpoints, all tenants':
/// <code>
/// &lt;path>/remote-write/lock
///                     &lt;tenant>/&lt;endpoint's name or host>-&lt;hash of name and URL>/&lt;collections>
/// </code>
/// What waits for an endpoint is never sent to another: one with another name or URL finds another folder. Safe for
/// concurrent use.
/// </summary>
public sealed partial class RemoteWriteDisk : IDisposable
{
    /// <summary>What waits for an endpoint that is not configured any more is kept this long after it was collected; who took it out by mistake has this long to put it back.</summary>
    public static readonly TimeSpan LeftoverRetention = TimeSpan.FromDays(7);

    private const int MaxNameLength = 64;

    private readonly string _path;
    private readonly DirectoryLock _lock;
    private readonly Dictionary<RemoteWriteEndpoint, string> _folders = [];

    private RemoteWriteDisk(string path, DirectoryLock held, IReadOnlyList<RemoteWriteEndpoint> endpoints)
    {
        _path = path;
        _lock = held;
        foreach (var endpoint in endpoints)
            _folders[endpoint] = FolderOf(endpoint);
    }

    /// <summary>The tenants of whom something waited when it was opened.</summary>
    public IReadOnlyList<TenantId> Waiting { get; private set; } = [];

    /// <summary>Opens the directory, which is created where it is not there; null where it cannot be, which is logged.</summary>
    /// <exception cref="IOException">Another process uses it.</exception>
    public static RemoteWriteDisk? Open(string path, IReadOnlyList<RemoteWriteEndpoint> endpoints, TimeProvider time, ILogger logger)
    {
        // Whole, so that it stays where it is when the process changes its current directory.
        path = Path.GetFullPath(Path.Combine(path, "remote-write"));
        DirectoryLock? held;
        try
        {
            Directory.CreateDirectory(path);
            held = DirectoryLock.TryTake(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotOpened(logger, path, e.Message);
            return null;
        }

        if (held is null)
            throw new IOException($"the remote write queue in '{path}' is in use by another process; give each process its own metrics_generator.storage.path");

        var disk = new RemoteWriteDisk(path, held, endpoints);
        try
        {
            disk.Waiting = disk.Scan(time.GetUtcNow(), logger);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            LogNotOpened(logger, path, e.Message);
            held.Dispose();
            return null;
        }

        return disk;
    }

    public void Dispose() => _lock.Dispose();

    internal CollectionFolder Folder(TenantId tenant, RemoteWriteEndpoint endpoint) => new(Path.Combine(_path, TenantFolder.Of(tenant), _folders[endpoint]));

    // Two endpoints without names can have the same URL, and differ in what they relabel.
    private string FolderOf(RemoteWriteEndpoint endpoint)
    {
        var name = EscapedSegment.Of(endpoint.Options.Name.Length > 0 ? endpoint.Options.Name : new Uri(endpoint.Url).Host);
        var identity = SHA256.HashData(Encoding.UTF8.GetBytes($"{endpoint.Options.Name}\n{endpoint.Url}"));
        var folder = $"{(name.Length > MaxNameLength ? name[..MaxNameLength] : name)}-{Convert.ToHexStringLower(identity.AsSpan(0, 8))}";
        var others = _folders.Values.Count(other => other == folder || other.StartsWith(folder + ".", StringComparison.Ordinal));
        return others == 0 ? folder : $"{folder}.{others + 1}";
    }

    private List<TenantId> Scan(DateTimeOffset now, ILogger logger)
    {
        var waiting = new List<TenantId>();
        var leftovers = new SortedDictionary<string, Leftover>(StringComparer.Ordinal);
        foreach (var tenantPath in Directory.EnumerateDirectories(_path))
        {
            if (!TenantFolder.TryRead(Path.GetFileName(tenantPath), out var tenant))
                continue;
            var waits = false;
            foreach (var path in Directory.EnumerateDirectories(tenantPath))
            {
                var name = Path.GetFileName(path);
                if (!_folders.ContainsValue(name))
                    leftovers[name] = leftovers.GetValueOrDefault(name) + Leave(path, now);
                else if (Directory.EnumerateFiles(path).Any())
                    waits = true;
                DeleteEmpty(path);
            }

            DeleteEmpty(tenantPath);
            if (waits)
                waiting.Add(tenant);
        }

        foreach (var (name, leftover) in leftovers)
        {
            if (leftover.Kept > 0)
                LogLeftover(logger, leftover.Kept, Path.Combine(_path, "*", name), leftover.KeptBytes, LeftoverRetention.TotalDays);
            if (leftover.Deleted > 0)
                LogLeftoverDeleted(logger, leftover.Deleted, Path.Combine(_path, "*", name), leftover.DeletedBytes, LeftoverRetention.TotalDays);
        }

        return waiting;
    }

    // Each collection by its own age.
    private static Leftover Leave(string path, DateTimeOffset now)
    {
        var leftover = default(Leftover);
        var folder = new CollectionFolder(path);
        foreach (var stored in folder.List())
        {
            if (now - DateTimeOffset.FromUnixTimeMilliseconds(stored.TimestampMs) > LeftoverRetention && folder.Delete(stored))
                leftover += new Leftover(0, 0, 1, stored.FileBytes);
            else
                leftover += new Leftover(1, stored.FileBytes, 0, 0);
        }

        return leftover;
    }

    private static void DeleteEmpty(string path)
    {
        try
        {
            if (!Directory.EnumerateFileSystemEntries(path).Any())
                Directory.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It takes no room worth a word.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The remote write queue cannot be opened in '{Path}': {Reason}; what waits stays in memory until the process is started again")]
    private static partial void LogNotOpened(ILogger logger, string path, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Collections} collections, {Bytes} bytes, in {Path} are for a remote write endpoint that is not configured any more, under this name and URL; they are kept for {Days} days")]
    private static partial void LogLeftover(ILogger logger, int collections, string path, long bytes, double days);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Collections} collections, {Bytes} bytes, in {Path} were for a remote write endpoint that is not configured any more, and are deleted after {Days} days")]
    private static partial void LogLeftoverDeleted(ILogger logger, int collections, string path, long bytes, double days);

    private readonly record struct Leftover(int Kept, long KeptBytes, int Deleted, long DeletedBytes)
    {
        public static Leftover operator +(Leftover a, Leftover b) => new(a.Kept + b.Kept, a.KeptBytes + b.KeptBytes, a.Deleted + b.Deleted, a.DeletedBytes + b.DeletedBytes);
    }
}
