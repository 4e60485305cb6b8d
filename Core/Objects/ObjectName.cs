using System.Buffers;

namespace OrleansTempo.Core.Objects;

/// <summary>Checks object names against the rules of <see cref="IObjectStore"/>, so that every store can hold them and no name leads outside the store.</summary>
public static class ObjectName
{
    /// <summary>
    /// The last segment of an object that is written once, under a name that no other ever has: a store may keep it open. Of anything else a
    /// handle that is kept could show what another process has replaced.
    /// </summary>
    internal const string WrittenOnce = "data";

    private static readonly SearchValues<char> s_allowed =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.=%-");

    /// <summary>Whether this is a valid segment between two slashes.</summary>
    public static bool IsSegment(ReadOnlySpan<char> segment) =>
        !segment.IsEmpty && segment is not ("." or "..") && !segment.ContainsAnyExcept(s_allowed);

    /// <exception cref="ArgumentException">It is not a valid object name.</exception>
    public static void Validate(string name)
    {
        foreach (var range in name.AsSpan().Split('/'))
        {
            if (!IsSegment(name.AsSpan(range)))
                throw Invalid(name, "an object's name");
        }
    }

    /// <summary>Like <see cref="Validate"/>, for the beginning of a name: it may be empty, and may end anywhere.</summary>
    /// <exception cref="ArgumentException">No object name begins like this.</exception>
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
        new($"'{text}' is not {what}: a name is segments of a-z, A-Z, 0-9 and _.=%- separated by /, and no segment is '.' or '..'", "name");
}
