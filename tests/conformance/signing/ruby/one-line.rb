# Writes an error as one line, without the stack.
at_exit do
  if $!
    warn "#{$!.class}: #{$!.message.lines.first}"
    exit! 1
  end
end
