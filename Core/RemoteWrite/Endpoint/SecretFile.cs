namespace OrleansTempo.Core.RemoteWrite.Endpoint;

/// <summary>A file that holds one secret: a password, a token, a header's value.</summary>
public static class SecretFile
{
    /// <summary>Reads the secret, without a line break at the end of the file, as editors and Kubernetes secrets add one.</summary>
    /// <param name="key">The key that names the file, for the error.</param>
    /// <param name="file">The path of the file.</param>
    /// <param name="problemOf">Validates the secret; a method of <see cref="HeaderField"/>.</param>
    /// <param name="cancellation">Cancels the read.</param>
    /// <exception cref="IOException">The file cannot be read, is empty, or its content cannot be sent. The message names the key and the file, and never the secret.</exception>
    public static async Task<string> ReadAsync(string key, string file, Func<string, string?> problemOf, CancellationToken cancellation)
    {
        try
        {
            var secret = WithoutLineBreak(await File.ReadAllTextAsync(file, cancellation).ConfigureAwait(false));
            if (problemOf(secret) is { } problem)
                throw new InvalidDataException($"its content {problem}");

            // A writer empties the file first, and a request sent without the secret would be refused for good.
            return string.IsNullOrWhiteSpace(secret) ? throw new InvalidDataException("it is empty") : secret;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new IOException($"{key}: file '{file}' cannot be used: {e.Message}", e);
        }
    }

    /// <summary>What is wrong with the secret in a file; null for nothing, and also if the file cannot be read yet.</summary>
    public static string? Problem(string file, Func<string, string?> problemOf)
    {
        try
        {
            return problemOf(WithoutLineBreak(File.ReadAllText(file)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            // Another program may still put the file in place; sending waits for it.
            return null;
        }
    }

    private static string WithoutLineBreak(string text) =>
        text.EndsWith("\r\n", StringComparison.Ordinal) ? text[..^2] : text.EndsWith('\n') ? text[..^1] : text;
}
