using System.Diagnostics.CodeAnalysis;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Azure;

/// <summary>
/// Converts object names to blob names and back. The prefix is prepended, and a segment that ends with a dot gets a <c>!</c> appended, which no
/// object name contains: Azure advises against such segments, because some software drops the dot.
/// </summary>
internal sealed class BlobNames
{
    // Azure's maximum length of a blob name.
    private const int MaxLength = 1024;

    private readonly string _folder;

    /// <exception cref="ArgumentException"><paramref name="prefix"/> is not a valid path.</exception>
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

    /// <exception cref="ArgumentException">It is not a valid object name.</exception>
    public string BlobName(string name)
    {
        ObjectName.Validate(name);
        var blob = _folder + Escape(name);
        return blob.Length <= MaxLength
            ? blob
            : throw new ArgumentException($"'{blob[..64]}…' is too long for a blob name: it has {blob.Length} characters, and at most {MaxLength} are allowed", nameof(name));
    }

    /// <summary>The prefix of the blobs of all objects whose names begin with <paramref name="prefix"/>.</summary>
    /// <exception cref="ArgumentException">No object name begins like this.</exception>
    public string BlobPrefix(string prefix)
    {
        ObjectName.ValidatePrefix(prefix);
        return _folder + prefix.Replace("./", ".!/", StringComparison.Ordinal);
    }

    /// <summary>The object name of a blob; false for a blob that is not one of our objects.</summary>
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
