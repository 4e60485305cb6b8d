namespace OrleansTempo.Server.Configuration;

/// <summary>One thing that is wrong with a configuration file, or that it says in vain.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="Line">Counted from 1; 0 where the file as a whole is meant.</param>
/// <param name="Column">Counted from 1.</param>
/// <param name="Message">The key with its path, what is wrong with it, and what is allowed.</param>
public sealed record ConfigurationProblem(string File, int Line, int Column, string Message)
{
    /// <summary><c>file:line:column: message</c>, as editors and terminals turn into a link.</summary>
    public override string ToString() => Line == 0 ? $"{File}: {Message}" : $"{File}:{Line}:{Column}: {Message}";
}
