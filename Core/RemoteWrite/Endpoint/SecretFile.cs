namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>A file that holds one secret: a password, a token, a header's value.</summary>
public static class SecretFile
{
    /// <summary>Reads the secret; the one line break that editors and Kubernetes secrets end a file with is not part of it.</summary>
    /// <param name="key">The key that names the file, for the error.</param>
    /// <param name="file">The file's path.</param>
    /// <param name="problemOf">What is wrong with the secret, of <see cref="HeaderField"/>.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="IOException">The file cannot be read, is empty, or holds what cannot be sent; the message names key and file, and never shows the secret.</exception>
    public static async Task<string> ReadAsync(string key, string file, Func<string, string?> problemOf, CancellationToken cancellation)
    {
        try
        {
            var secret = WithoutLineBreak(await File.ReadAllTextAsync(file, cancellation).ConfigureAwait(false));
            if (problemOf(secret) is { } problem)
                throw new InvalidDataException($"its content {problem}");

            // Whoever writes a file anew empties it first, and what is sent without a secret is refused for good.
            return string.IsNullOrWhiteSpace(secret) ? throw new InvalidDataException("it is empty") : secret;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new IOException($"{key}: file '{file}' cannot be used: {e.Message}", e);
        }
    }

    /// <summary>What is wrong with the secret of a file that can be read; null where nothing is, or nothing can be said yet.</summary>
    public static string? Problem(string file, Func<string, string?> problemOf)
    {
        try
        {
            return problemOf(WithoutLineBreak(File.ReadAllText(file)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            // It may come later, as secrets that something else puts into place do; sending waits for it.
            return null;
        }
    }

    private static string WithoutLineBreak(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
