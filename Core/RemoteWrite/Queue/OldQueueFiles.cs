using System.Globalization;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Generator;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.RemoteWrite.Queue;

/// <summary>
/// Moves the queue files of earlier versions into the object store, where they come before everything else:
/// <code>
/// &lt;path>/remote-write/&lt;tenant>/&lt;endpoint>/&lt;number>-&lt;timestamp>-&lt;samples>.rw
///     ──► remote-write/&lt;tenant>/all/&lt;endpoint>/&lt;epoch 0>/&lt;number>
/// </code>
/// A file is deleted once its object is in the store. If the move is interrupted, the next start continues with the remaining files.
/// </summary>
public static partial class OldQueueFiles
{
    private const string Extension = ".rw";
    private const int Epoch = 0;

    // A writer that no queue uses, so that the same file always gives the same bytes.
    private static readonly Guid s_writer = Guid.Empty;

    // Those versions had no shards.
    private static readonly string s_shard = GeneratorShard.None.ToString();

    /// <summary>Moves the files, if there are any. A file that cannot be read or moved is logged, and stays for the next start.</summary>
    /// <param name="path"><c>metrics_generator.storage.path</c>; empty for none.</param>
    /// <param name="endpoints">The configured endpoints.</param>
    /// <param name="store">The store that holds the queues now.</param>
    /// <param name="time">The clock for the age of files for other endpoints.</param>
    /// <param name="logger">Receives what was moved and what could not be.</param>
    /// <param name="cancellationToken">Stops the move; files already moved stay moved.</param>
    /// <returns>All tenants with something waiting in the object store, whoever left it.</returns>
    /// <exception cref="IOException">Another process uses the directory, or the store cannot be listed.</exception>
    public static async Task<IReadOnlyList<TenantId>> ImportAsync(
        string path,
        IReadOnlyList<RemoteWriteEndpoint> endpoints,
        IObjectStore store,
        TimeProvider time,
        ILogger logger,
        CancellationToken cancellationToken = default)
    {
        HashSet<string> configured = [.. RemoteWriteStore.EndpointFolders(endpoints).Values];
        if (path.Length > 0 && Path.GetFullPath(Path.Combine(path, "remote-write")) is var root && Directory.Exists(root))
            await new Import(root, configured, store, time.GetUtcNow(), logger).RunAsync(cancellationToken).ConfigureAwait(false);

        var waiting = new HashSet<TenantId>();
        await foreach (var info in store.ListAsync(RemoteWriteStore.Root, cancellationToken).ConfigureAwait(false))
        {
            if (RemoteWriteStore.IsCollection(info)
                && info.Name[RemoteWriteStore.Root.Length..].Split('/') is [var folder, _, var endpoint, ..]
                && configured.Contains(endpoint)
                && TenantFolder.TryRead(folder, out var tenant))
                waiting.Add(tenant);
        }

        return [.. waiting];
    }

    [LoggerMessage(1601, LogLevel.Information, "Moved {Collections} waiting collections from {Path} into the object store")]
    private static partial void LogMoved(ILogger logger, int collections, string path);

    [LoggerMessage(1602, LogLevel.Warning, "Deleted {Collections} collections in {Path}: their remote write endpoints are no longer configured, and they are older than {Days} days")]
    private static partial void LogLeftoverDeleted(ILogger logger, int collections, string path, double days);

    [LoggerMessage(1603, LogLevel.Error, "Lost {Samples} samples in {Path}: the file is damaged, and they cannot be read")]
    private static partial void LogBroken(ILogger logger, string path, long samples);

    [LoggerMessage(1604, LogLevel.Error, "The collections that wait in {Path} cannot be moved into the object store; they stay there until the next start: {Reason}")]
    private static partial void LogFailed(ILogger logger, string path, string reason);

    private sealed class Import(string root, HashSet<string> configured, IObjectStore store, DateTimeOffset now, ILogger logger)
    {
        private int _moved;
        private int _deleted;

        public async Task RunAsync(CancellationToken cancellationToken)
        {
            try
            {
                using var held = DirectoryLock.TryAcquire(root)
                    ?? throw new InUseException($"another process is using the old remote write queue in '{root}'; stop it first, or give each process its own metrics_generator.storage.path");
                foreach (var tenant in Directory.EnumerateDirectories(root).Order(StringComparer.Ordinal))
                {
                    if (!TenantFolder.TryRead(Path.GetFileName(tenant), out var id))
                        continue;
                    foreach (var endpoint in Directory.EnumerateDirectories(tenant).Order(StringComparer.Ordinal))
                    {
                        await MoveAsync(id, endpoint, cancellationToken).ConfigureAwait(false);
                        DeleteEmpty(endpoint);
                    }

                    DeleteEmpty(tenant);
                }
            }
            catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not InUseException)
            {
                LogFailed(logger, root, e.Message);
            }

            if (_moved > 0)
                LogMoved(logger, _moved, root);
            if (_deleted > 0)
                LogLeftoverDeleted(logger, _deleted, root, RemoteWriteStore.LeftoverRetention.TotalDays);
        }

        private async Task MoveAsync(TenantId tenant, string path, CancellationToken cancellationToken)
        {
            var endpoint = Path.GetFileName(path);
            var files = new List<(long Number, long TimestampMs, long Samples, string Path)>();
            foreach (var file in Directory.EnumerateFiles(path))
            {
                if (TryReadName(Path.GetFileName(file), out var number, out var timestampMs, out var samples))
                    files.Add((number, timestampMs, samples, file));
            }

            files.Sort(static (a, b) => a.Number.CompareTo(b.Number));
            if (files.Count == 0 || !ObjectName.IsSegment(endpoint))
                return;

            var folder = $"{RemoteWriteStore.FolderOf(tenant, s_shard)}{endpoint}/";
            var last = await LastAsync(folder, cancellationToken).ConfigureAwait(false);

            // The object was put, but the process ended before it deleted the file.
            var before = last > 0 ? await store.GetAsync(folder + StoredCollection.NameOf(Epoch, last), cancellationToken).ConfigureAwait(false) : null;
            foreach (var file in files)
            {
                if (!configured.Contains(endpoint) && now - DateTimeOffset.FromUnixTimeMilliseconds(file.TimestampMs) > RemoteWriteStore.LeftoverRetention)
                {
                    File.Delete(file.Path);
                    _deleted++;
                    continue;
                }

                var read = CollectionFormat.ReadFile(await File.ReadAllBytesAsync(file.Path, cancellationToken).ConfigureAwait(false), file.Samples);
                if (read.Broken > 0)
                    LogBroken(logger, file.Path, read.LostSamples);
                if (read.Requests.Count > 0)
                {
                    var content = CollectionFormat.Write(read.Requests, file.TimestampMs, s_writer);
                    if (before is not { } there || !there.Content.Span.SequenceEqual(content))
                        last = await PutAsync(folder, last + 1, content, cancellationToken).ConfigureAwait(false);
                    _moved++;
                }

                before = null;
                File.Delete(file.Path);
            }
        }

        private async Task<long> LastAsync(string folder, CancellationToken cancellationToken)
        {
            long last = 0;
            await foreach (var info in store.ListAsync(folder, cancellationToken).ConfigureAwait(false))
            {
                if (StoredCollection.TryReadName(info.Name.AsSpan(folder.Length), out var epoch, out var number) && epoch == Epoch)
                    last = Math.Max(last, number);
            }

            return last;
        }

        private async Task<long> PutAsync(string folder, long number, byte[] content, CancellationToken cancellationToken)
        {
            while (await store.PutIfAbsentAsync(folder + StoredCollection.NameOf(Epoch, number), content, cancellationToken).ConfigureAwait(false) is null)
                number++;
            return number;
        }

        private static bool TryReadName(string fileName, out long number, out long timestampMs, out long samples)
        {
            (number, timestampMs, samples) = (0, 0, 0);
            return fileName.EndsWith(Extension, StringComparison.Ordinal)
                && fileName[..^Extension.Length].Split('-') is [{ Length: 20 } first, var second, var third]
                && TryParse(first, out number)
                && TryParse(second, out timestampMs)
                && TryParse(third, out samples);
        }

        private static bool TryParse(string text, out long number) => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

        private static void DeleteEmpty(string path)
        {
            try
            {
                if (!Directory.EnumerateFileSystemEntries(path).Any())
                    Directory.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // An empty directory takes no space worth reporting.
            }
        }

        private sealed class InUseException(string message) : IOException(message);
    }
}
