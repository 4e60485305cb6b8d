using System.Diagnostics.CodeAnalysis;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Storage.Azure;

/// <summary>
/// Turns objects' names into blobs' and back: the prefix goes before them, and a segment that ends with a dot gets a <c>!</c>,
/// which no object's name has, behind it: Azure warns of such segments, because some that handle addresses drop the dot.
/// </summary>
internal sealed class BlobNames
{
    // What Azure allows to a blob's name.
    private const int MaxLength = 1024;

    private readonly string _folder;

    /// <exception cref="ArgumentException">No blob can be below <paramref name="prefix"/>.</exception>
    public BlobNames(string prefix)
    {
        var folder = prefix.Trim('/');
        if (folder.Length > 0 && !IsName(folder))
        {
            throw new ArgumentException(
                $"storage.trace.azure.prefix: '{prefix}' is not a path; it must be segments of a-z, A-Z, 0-9 and _.=%- separated by '/', none of them '.' or '..'");
        }

        _folder = folder.Length == 0 ? "" : Escape(folder) + "/";
    }

    /// <exception cref="ArgumentException">It is no object's name.</exception>
    public string BlobName(string name)
    {
        ObjectName.Validate(name);
        var blob = _folder + Escape(name);
        return blob.Length <= MaxLength
            ? blob
            : throw new ArgumentException($"'{blob[..64]}…' is too long for a blob name: it has {blob.Length} characters, and at most {MaxLength} are allowed", nameof(name));
    }

    /// <summary>What the blobs of all objects begin with whose names begin with <paramref name="prefix"/>.</summary>
    /// <exception cref="ArgumentException">No object's name begins so.</exception>
    public string BlobPrefix(string prefix)
    {
        ObjectName.ValidatePrefix(prefix);
        return _folder + prefix.Replace("./", ".!/", StringComparison.Ordinal);
    }

    /// <summary>False for a blob that is none of our objects.</summary>
    public bool TryObjectName(string blob, [NotNullWhen(true)] out string? name)
    {
        name = null;
        if (!blob.StartsWith(_folder, StringComparison.Ordinal))
            return false;
        var candidate = blob[_folder.Length..].Replace(".!/", "./", StringComparison.Ordinal);
        if (candidate.EndsWith(".!", StringComparison.Ordinal))
            candidate = candidate[..^1];
        if (!IsName(candidate))
            return false;
        name = candidate;
        return true;
    }

    private static string Escape(string name)
    {
        var escaped = name.Replace("./", ".!/", StringComparison.Ordinal);
        return escaped.EndsWith('.') ? escaped + "!" : escaped;
    }

    private static bool IsName(string name)
    {
        foreach (var range in name.AsSpan().Split('/'))
        {
            if (!ObjectName.IsSegment(name.AsSpan(range)))
                return false;
        }

        return true;
    }
}
