using System.Buffers;

namespace OrleansTempo.Core.Objects;

/// <summary>What <see cref="IObjectStore"/> allows as an object's name, so that every store can hold it and none is left by it.</summary>
public static class ObjectName
{
    /// <summary>
    /// The last segment of an object that is written once, under a name that no other ever has: a store may keep it open. Of anything else a
    /// handle that is kept could show what another process has replaced.
    /// </summary>
    internal const string WrittenOnce = "data";

    private static readonly SearchValues<char> s_allowed =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=%-");

    /// <summary>Whether this can stand between two slashes.</summary>
    public static bool IsSegment(ReadOnlySpan<char> segment) =>
        !segment.IsEmpty && segment is not ("." or "..") && !segment.ContainsAnyExcept(s_allowed);

    /// <exception cref="ArgumentException">It is no name of an object.</exception>
    public static void Validate(string name)
    {
        foreach (var range in name.AsSpan().Split('/'))
        {
            if (!IsSegment(name.AsSpan(range)))
                throw Invalid(name, "an object's name");
        }
    }

    /// <summary>As <see cref="Validate"/>, for the beginning of a name: it may be empty, and may end anywhere.</summary>
    /// <exception cref="ArgumentException">No object's name begins so.</exception>
    public static void ValidatePrefix(string prefix)
    {
        var last = prefix.LastIndexOf('/') + 1;
        if (last > 0)
        {
            foreach (var range in prefix.AsSpan(0, last - 1).Split('/'))
            {
                if (!IsSegment(prefix.AsSpan(range)))
                    throw Invalid(prefix, "the beginning of an object's name");
            }
        }

        if (prefix.AsSpan(last).ContainsAnyExcept(s_allowed))
            throw Invalid(prefix, "the beginning of an object's name");
    }

    private static ArgumentException Invalid(string text, string what) =>
        new($"'{text}' is not {what}: segments of a-z, A-Z, 0-9 and _.=%- with / between them, none of them '.' or '..'", "name");
}
