using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Azure;

/// <summary>
/// The object store in one container of Azure Blob Storage. An object is a block blob of the same name, below the configured prefix. Conditional puts
/// use the service's own <c>If-None-Match</c> and <c>If-Match</c>, so they hold between machines. The SDK retries failed requests a few times.
/// <code>
///   prefix/                     storage.trace.azure.prefix, or nothing
///     acme/0f3c…/meta.json      the object "acme/0f3c…/meta.json"
///     acme.!/0f3c…/data         the object "acme./0f3c…/data", see <see cref="BlobNames"/>
/// </code>
/// </summary>
public sealed class AzureBlobObjectStore : IObjectStore
{
    // Tells a conditional put that succeeded, but whose answer was lost, from another writer's put.
    private const string WriteId = "write_id";

    private readonly BlobContainerClient _container;
    private readonly BlobNames _names;

    private AzureBlobObjectStore(BlobContainerClient container, BlobNames names)
    {
        _container = container;
        _names = names;
    }

    /// <summary>Signs in and checks, with one request, that the container can be read; creates the container if it does not exist.</summary>
    /// <exception cref="ArgumentException">A setting is invalid; the message names its key.</exception>
    /// <exception cref="IOException">The service cannot be reached or refuses access; the message says what to do.</exception>
    public static Task<AzureBlobObjectStore> OpenAsync(AzureStorageOptions options, CancellationToken cancellationToken = default) =>
        OpenAsync(options, adjust: null, cancellationToken);

    /// <summary>Opens the store with adjusted SDK options: another transport, other retry delays.</summary>
    internal static async Task<AzureBlobObjectStore> OpenAsync(AzureStorageOptions options, Action<BlobClientOptions>? adjust, CancellationToken cancellationToken)
    {
        var names = new BlobNames(options.Prefix);
        var store = new AzureBlobObjectStore(ContainerClient.Create(options, adjust), names);
        await store.AskAsync("opening", null, store.FindContainerAsync, cancellationToken).ConfigureAwait(false);
        return store;
    }

    public Task<string> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return AskAsync("writing blob", name, cancellation => UploadAsync(blob, content, new BlobUploadOptions(), cancellation), cancellationToken);
    }

    public Task<string?> PutIfAbsentAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancellationToken = default) =>
        PutIfAsync(name, content, new BlobRequestConditions { IfNoneMatch = ETag.All }, cancellationToken);

    public Task<string?> PutIfMatchAsync(string name, ReadOnlyMemory<byte> content, string etag, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(etag);
        // To the service, a star means any ETag; it never returns one.
        return etag == "*"
            ? Task.FromResult<string?>(null)
            : PutIfAsync(name, content, new BlobRequestConditions { IfMatch = new ETag(etag) }, cancellationToken);
    }

    public Task<IObjectWriter> CreateAsync(string name, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult<IObjectWriter>(new AzureBlobWriter(this, name, Blob(name)));
    }

    public Task<StoredObject?> GetAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return AskAsync<StoredObject?>(
            "reading blob",
            name,
            async cancellation =>
            {
                try
                {
                    var result = (await blob.DownloadContentAsync(cancellation).ConfigureAwait(false)).Value;
                    return new StoredObject(result.Content.ToMemory(), result.Details.ETag.ToString());
                }
                catch (RequestFailedException e) when (IsBlobNotFound(e))
                {
                    return null;
                }
            },
            cancellationToken);
    }

    public ValueTask<int> ReadAsync(string name, long offset, Memory<byte> target, CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var blob = Blob(name);
        return new(AskAsync("reading blob", name, cancellation => ReadRangeAsync(blob, offset, target, cancellation), cancellationToken));
    }

    public async IAsyncEnumerable<ObjectInfo> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var options = new GetBlobsOptions { Prefix = _names.BlobPrefix(prefix) };
        await using var blobs = _container.GetBlobsAsync(options, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await AskAsync("listing blobs below", prefix, _ => blobs.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false))
        {
            var blob = blobs.Current;
            // The container may hold blobs of others; those whose names are not object names are skipped.
            if (_names.TryObjectName(blob.Name, out var name))
                yield return new ObjectInfo(name, blob.Properties.ContentLength ?? 0, blob.Properties.LastModified ?? default);
        }
    }

    public async Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken = default)
    {
        if (prefix.Length > 0 && !prefix.EndsWith('/'))
            throw new ArgumentException($"'{prefix}' is not a folder: a folder is empty or ends with '/'", nameof(prefix));

        var options = new GetBlobsByHierarchyOptions { Prefix = _names.BlobPrefix(prefix), Delimiter = "/" };
        await using var items = _container.GetBlobsByHierarchyAsync(options, cancellationToken).GetAsyncEnumerator(cancellationToken);
        var folders = new List<string>();
        while (await AskAsync("listing blobs below", prefix, _ => items.MoveNextAsync().AsTask(), cancellationToken).ConfigureAwait(false))
        {
            if (items.Current is { IsPrefix: true, Prefix: { } folder } && _names.TryObjectName(folder.TrimEnd('/'), out var name))
                folders.Add(name[prefix.Length..]);
        }

        return folders;
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken = default)
    {
        var blob = Blob(name);
        return AskAsync(
            "deleting blob",
            name,
            async cancellation => (await blob.DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancellation).ConfigureAwait(false)).Value,
            cancellationToken);
    }

    public Task<bool> DeleteIfMatchAsync(string name, string etag, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(etag);
        if (etag == "*")
            return Task.FromResult(false);
        var blob = Blob(name);
        return AskAsync(
            "deleting blob",
            name,
            async cancellation =>
            {
                try
                {
                    await blob.DeleteAsync(DeleteSnapshotsOption.IncludeSnapshots, new BlobRequestConditions { IfMatch = new ETag(etag) }, cancellation).ConfigureAwait(false);
                    return true;
                }
                catch (RequestFailedException e) when (IsConditionNotMet(e))
                {
                    return false;
                }
            },
            cancellationToken);
    }

    /// <summary>Sends a request; a failure becomes an <see cref="IOException"/> that says where it happened and what to do.</summary>
    internal async Task<T> AskAsync<T>(string doing, string? name, Func<CancellationToken, Task<T>> request, CancellationToken cancellationToken)
    {
        try
        {
            return await request(cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (AzureFailure.Is(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw AzureFailure.Describe(doing, name, _container, e);
        }
    }

    /// <summary>Writes a blob with one request, and returns its ETag.</summary>
    internal static async Task<string> UploadAsync(BlockBlobClient blob, ReadOnlyMemory<byte> content, BlobUploadOptions options, CancellationToken cancellationToken)
    {
        using var stream = BinaryData.FromBytes(content).ToStream();
        return (await blob.UploadAsync(stream, options, cancellationToken).ConfigureAwait(false)).Value.ETag.ToString();
    }

    private BlockBlobClient Blob(string name) => _container.GetBlockBlobClient(_names.BlobName(name));

    private Task<string?> PutIfAsync(string name, ReadOnlyMemory<byte> content, BlobRequestConditions conditions, CancellationToken cancellationToken)
    {
        var blob = Blob(name);
        var writeId = Guid.NewGuid().ToString("N");
        var options = new BlobUploadOptions { Conditions = conditions, Metadata = new Dictionary<string, string> { [WriteId] = writeId } };
        return AskAsync(
            "writing blob",
            name,
            async cancellation =>
            {
                try
                {
                    return await UploadAsync(blob, content, options, cancellation).ConfigureAwait(false);
                }
                catch (RequestFailedException e) when (IsConditionNotMet(e))
                {
                    return await ETagOfWriteAsync(blob, writeId, cancellation).ConfigureAwait(false);
                }
            },
            cancellationToken);
    }

    /// <summary>
    /// The ETag of a blob if it is still as this write left it; null otherwise. If the answer to a put was lost, the SDK sends the put again, and it
    /// is refused because of itself: without this check, its caller would believe somebody else had written the blob.
    /// </summary>
    private static async Task<string?> ETagOfWriteAsync(BlockBlobClient blob, string writeId, CancellationToken cancellationToken)
    {
        try
        {
            var properties = (await blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false)).Value;
            return properties.Metadata.TryGetValue(WriteId, out var found) && found == writeId ? properties.ETag.ToString() : null;
        }
        catch (RequestFailedException e) when (IsBlobNotFound(e))
        {
            return null;
        }
    }

    private static async Task<int> ReadRangeAsync(BlockBlobClient blob, long offset, Memory<byte> target, CancellationToken cancellationToken)
    {
        // An empty range cannot be requested.
        if (target.IsEmpty)
            return await blob.ExistsAsync(cancellationToken).ConfigureAwait(false) ? 0 : -1;

        try
        {
            var options = new BlobDownloadOptions { Range = new HttpRange(offset, target.Length) };
            using var result = (await blob.DownloadStreamingAsync(options, cancellationToken).ConfigureAwait(false)).Value;
            return await result.Content.ReadAtLeastAsync(target, target.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (IsBlobNotFound(e))
        {
            return -1;
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.InvalidRange)
        {
            return 0;
        }
    }

    /// <summary>Lists one blob, which any role with read access may do; creating a container needs more rights than most have.</summary>
    private async Task<bool> FindContainerAsync(CancellationToken cancellationToken)
    {
        try
        {
            var pages = _container.GetBlobsAsync(new GetBlobsOptions(), cancellationToken).AsPages(pageSizeHint: 1);
            await using var page = pages.GetAsyncEnumerator(cancellationToken);
            return await page.MoveNextAsync().ConfigureAwait(false);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.ContainerNotFound)
        {
            // Another process may create it at the same time, which is just as good.
            await _container.CreateIfNotExistsAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            return true;
        }
    }

    private static bool IsBlobNotFound(RequestFailedException e) => e.ErrorCode == BlobErrorCode.BlobNotFound;

    private static bool IsConditionNotMet(RequestFailedException e) =>
        e.ErrorCode == BlobErrorCode.ConditionNotMet || e.ErrorCode == BlobErrorCode.BlobAlreadyExists || IsBlobNotFound(e);
}
