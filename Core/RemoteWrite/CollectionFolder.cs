namespace OrleansTempo.Core.RemoteWrite;

/// <summary>
/// The directory with one tenant's collections for one endpoint, each in a file of its own: what is sent or dropped is deleted,
/// and nothing else has to be written for it. Does I/O and keeps nothing of a collection. Listing and writing are for one caller
/// at a time, the rest is safe for concurrent use.
/// </summary>
/// <remarks>
/// Nothing is flushed: what was written survives the process, and of a loss of power the checksums tell what it has cost.
/// </remarks>
internal sealed class CollectionFolder(string path)
{
    private long _lastNumber;

    public string Path => path;

    /// <summary>What is there, in the order in which it was queued.</summary>
    /// <exception cref="IOException">The directory cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public IReadOnlyList<StoredCollection> List()
    {
        var found = new List<StoredCollection>();
        var directory = new DirectoryInfo(path);
        if (directory.Exists)
        {
            foreach (var file in directory.EnumerateFiles())
            {
                if (StoredCollection.TryRead(file.Name, file.Length, out var stored))
                    found.Add(stored);
            }
        }

        found.Sort(static (a, b) => a.Number.CompareTo(b.Number));
        if (found.Count > 0)
            _lastNumber = Math.Max(_lastNumber, found[^1].Number);
        return found;
    }

    /// <summary>Writes a collection behind all others, whole or with an exception; a request that is null is done already.</summary>
    /// <exception cref="IOException">There is no room, or the directory cannot be written to.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public StoredCollection Write(IReadOnlyList<RemoteWriteRequest?> requests, long timestampMs)
    {
        List<ReadOnlyMemory<byte>> parts = [CollectionFile.Head(requests, timestampMs)];
        long bytes = parts[0].Length, samples = 0;
        foreach (var request in requests)
        {
            if (request is null)
                continue;
            parts.Add(request.Body);
            bytes += request.Body.Length;
            samples += request.AllSamples;
        }

        Directory.CreateDirectory(path);
        var stored = new StoredCollection(++_lastNumber, timestampMs, samples, bytes);
        using var file = File.OpenHandle(PathOf(stored), FileMode.CreateNew, FileAccess.Write, FileShare.Delete);
        try
        {
            RandomAccess.Write(file, parts, 0);
        }
        catch (IOException)
        {
            // What is there of it would be taken for a collection by the next process.
            Delete(stored);
            throw;
        }

        return stored;
    }

    /// <summary>Reads what is still to be sent of a collection; see <see cref="CollectionFile.Read"/>.</summary>
    /// <exception cref="IOException">The file is gone or cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public RemoteWriteRequest?[] Read(StoredCollection stored, out int broken, out long sound) => CollectionFile.Read(File.ReadAllBytes(PathOf(stored)), out broken, out sound);

    /// <summary>Notes that a request needs not be sent again. Where it cannot be noted the request comes twice, should the process die now.</summary>
    public void MarkDone(StoredCollection stored, int request)
    {
        try
        {
            using var file = File.OpenHandle(PathOf(stored), FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.Write(file, CollectionFile.DoneMark, CollectionFile.DoneOffset(request));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Dropped meanwhile, or a broken disk.
        }
    }

    /// <summary>Deletes a collection that is sent or dropped; false where it is still there.</summary>
    public bool Delete(StoredCollection stored)
    {
        try
        {
            File.Delete(PathOf(stored));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e is DirectoryNotFoundException;
        }
    }

    private string PathOf(StoredCollection stored) => System.IO.Path.Combine(path, stored.FileName);
}
